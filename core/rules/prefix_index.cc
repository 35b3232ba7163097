// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/prefix_index.h"

#include <algorithm>

namespace roost {
namespace {

constexpr uint32_t kStepBitsMax = 16;

uint64_t end_of(const PrefixIndex::Prefix& prefix) noexcept {  // the last address in it
  return prefix.length == 64 ? prefix.address : prefix.address | (~uint64_t{0} >> prefix.length);
}

}  // namespace

PrefixIndex::PrefixIndex(std::vector<Prefix> prefixes) {
  for (Prefix& prefix : prefixes) prefix.length = std::min(prefix.length, 64U);
  std::erase_if(prefixes, [](const Prefix& prefix) { return prefix.length == 0; });
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());

  // Prefixes lie in one another or apart. Sorted as they are, the ones around come first.
  std::vector<Prefix> around;
  const auto begin_at = [&](uint64_t start) {
    uint64_t lengths = 0;
    for (const Prefix& prefix : around) lengths |= bit_of(prefix.length);
    if (!starts_.empty() && starts_.back() == start) {
      lengths_.back() = lengths;
    } else {
      starts_.push_back(start);
      lengths_.push_back(lengths);
    }
  };
  const auto leave_until = [&](uint64_t address) {
    while (!around.empty() && end_of(around.back()) < address) {
      const uint64_t end = end_of(around.back());
      around.pop_back();
      begin_at(end + 1);
    }
  };
  begin_at(0);
  for (const Prefix& prefix : prefixes) {
    leave_until(prefix.address);
    around.push_back(prefix);
    begin_at(prefix.address);
  }
  leave_until(~uint64_t{0});

  shift_ = 64 - std::clamp<uint32_t>(std::bit_width(starts_.size()), 1, kStepBitsMax);
  const uint64_t steps = uint64_t{1} << (64 - shift_);
  for (uint64_t step = 0, interval = 0; step < steps; ++step) {
    while (interval + 1 < starts_.size() && starts_[interval + 1] <= step << shift_) ++interval;
    first_.push_back(static_cast<uint32_t>(interval));
  }
  first_.push_back(static_cast<uint32_t>(starts_.size() - 1));
}

}  // namespace roost

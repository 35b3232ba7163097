// SPDX-License-Identifier: BSD-3-Clause
// NFs that go give up their flows first: new ones go to others at once, and those that they have stay with them until
// they pause, so that no packet of a flow that ends by itself meets another NF. Flows that don't pause move when
// drain_ms is over.
#include <unistd.h>

#include <chrono>
#include <utility>

#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr useconds_t kLook_us = 5'000;
constexpr std::chrono::milliseconds kPause{20};  // no packet for them in this time: their flows have ended, or rest

}  // namespace

std::vector<uint32_t> Manager::still_there(const std::vector<uint32_t>& firsts) const {
  std::vector<uint32_t> left;
  for (const uint32_t first : firsts)
    if (registry_.group_of(first) != nullptr) left.push_back(first);
  return left;
}

// Returns those that are still there: meanwhile the manager hears of hosts that end.
std::vector<uint32_t> Manager::drain(std::vector<uint32_t> firsts) {
  using Clock = std::chrono::steady_clock;
  const auto most = std::chrono::milliseconds(settings_.get(Setting::drain_ms));
  if (most.count() == 0 || firsts.empty()) return firsts;
  in_loops(firsts, [](DataLoop& loop, uint32_t first, uint32_t count) { loop.drain_nfs(first, count); });
  const auto began = Clock::now();
  auto rests_since = began;
  for (uint32_t before = 0; Clock::now() - began < most;) {
    uint32_t delivered = 0;  // ever, modulo 2^32
    for (const uint32_t first : firsts) {
      const NfGroup& group = registry_.group(first);
      const DataLoop& home = home_of(*registry_.hosts().at(group.host));
      for (uint32_t i = 0; i < group.count; ++i) delivered += home.nf_delivered(first + i);
    }
    if (std::exchange(before, delivered) != delivered)
      rests_since = Clock::now();
    else if (Clock::now() - rests_since >= kPause)
      break;
    usleep(kLook_us);
    on_events(false);  // what came back now would not be among those that go
    firsts = still_there(firsts);
  }
  return firsts;
}

}  // namespace roost

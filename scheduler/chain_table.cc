// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/chain_table.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace roost {

ChainTable::ChainTable(std::vector<ChainState> chains) : definitions_(std::move(chains)) {
  for (size_t i = 0; i < definitions_.size(); ++i) now_.push_back(static_cast<uint16_t>(i));
}

uint32_t ChainTable::paths_of(uint16_t definition) const noexcept {
  uint32_t sum = 0;
  for (const PathTable* paths : paths_) sum += paths->paths_of(definition);
  return sum;
}

uint16_t ChainTable::define(ChainState chain) {
  const auto unused =
      std::find_if(retired_.begin(), retired_.end(), [this](uint16_t each) { return paths_of(each) == 0; });
  if (unused != retired_.end()) {
    const uint16_t definition = *unused;
    definitions_[definition] = std::move(chain);
    retired_.erase(unused);
    return definition;
  }
  if (definitions_.size() == kChainsMax)
    fail(
        "chain '{}': {} chains, and ways of earlier ones that flows still go by, are the most; try again once flows "
        "have ended (setting flow_idle_s)",
        chain.name, kChainsMax);
  definitions_.push_back(std::move(chain));
  return static_cast<uint16_t>(definitions_.size() - 1);
}

uint16_t ChainTable::add(ChainState chain) {
  const uint16_t definition = define(std::move(chain));
  if (removed_.empty()) {  // numbers are never more than definitions
    now_.push_back(definition);
    return static_cast<uint16_t>(now_.size() - 1);
  }
  const uint16_t number = removed_.back();
  removed_.pop_back();
  now_[number] = definition;
  return number;
}

void ChainTable::change(uint16_t chain, ChainState to) {
  const uint16_t definition = define(std::move(to));
  retired_.push_back(std::exchange(now_[chain], definition));
}

// Until its number is used again it keeps its definition: flows of it that nobody looks up again may still name it.
void ChainTable::remove(uint16_t chain) {
  retired_.push_back(now_[chain]);
  removed_.push_back(chain);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a rule counts: a line for two of them. One data loop writes; anybody reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace roost {

struct alignas(32) RuleCount {
  std::atomic<uint64_t> hits, bytes, last_tsc;  // last_tsc 0: none yet

  void add(uint64_t packet_bytes, uint64_t tsc) noexcept {
    hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    bytes.store(bytes.load(std::memory_order_relaxed) + packet_bytes, std::memory_order_relaxed);
    last_tsc.store(tsc, std::memory_order_relaxed);
  }
  // While no table that the loop has names it.
  void clear() noexcept {
    for (auto* each : {&hits, &bytes, &last_tsc}) each->store(0, std::memory_order_relaxed);
  }
};
static_assert(sizeof(RuleCount) == 32);

// Of one rule, by all loops.
struct RuleTotal {
  uint64_t hits = 0, bytes = 0, last_tsc = 0;
};

}  // namespace roost

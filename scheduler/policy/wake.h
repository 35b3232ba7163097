// SPDX-License-Identifier: BSD-3-Clause
// Is it worth waking a worker? One pure function, which the manager asks before it wakes and a worker before it sleeps.
#pragma once

#include <cstdint>

namespace roost {

struct WakeThreshold {
  uint64_t packets = 1;          // so many waiting are worth a wake-up at once
  uint64_t deadline_cycles = 0;  // fewer are, once the first has waited for this long (TSC)
};

// No threshold strands a packet: with anything waiting there is a moment, wake_due(), from which this is true.
constexpr bool worth_waking(uint64_t waiting, uint64_t longest_wait_cycles, const WakeThreshold& threshold) noexcept {
  return waiting != 0 && (waiting >= threshold.packets || longest_wait_cycles >= threshold.deadline_cycles);
}

// When packets of which the first came at `since_tsc` are worth a wake-up at the latest.
constexpr uint64_t wake_due(uint64_t since_tsc, const WakeThreshold& threshold) noexcept {
  return since_tsc + threshold.deadline_cycles;
}

}  // namespace roost

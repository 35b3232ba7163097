// SPDX-License-Identifier: BSD-3-Clause
// Work that takes about a set number of TSC cycles, counted in steps and not in time: it stays the same when the kernel
// takes the core away in between.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.h"

namespace roost {

// Each step needs the result of the one before it.
inline uint64_t busy_work(uint64_t steps) noexcept {
  uint64_t value = steps;
  for (uint64_t i = 0; i < steps; ++i) {
    value = value * 0x9e3779b97f4a7c15ULL + i;
    __asm__ volatile("" : "+r"(value));
  }
  return value;
}

// The shortest of several: the others were interrupted, or the core was still slow.
inline double measure_steps_per_cycle() noexcept {
  constexpr uint64_t kSteps = 200'000;
  uint64_t shortest = UINT64_MAX;
  for (int trial = 0; trial < 5; ++trial) {
    const uint64_t began = tsc_now();
    busy_work(kSteps);
    shortest = std::min(shortest, tsc_now() - began);
  }
  return static_cast<double>(kSteps) / static_cast<double>(shortest);
}

inline uint64_t busy_steps(uint64_t cycles) noexcept {
  if (cycles == 0) return 0;
  static const double steps_per_cycle = measure_steps_per_cycle();
  return static_cast<uint64_t>(static_cast<double>(cycles) * steps_per_cycle);
}

}  // namespace roost

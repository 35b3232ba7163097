// SPDX-License-Identifier: BSD-3-Clause
// Time as the packet path reads it: the time-stamp counter, and its conversion to microseconds.
// Needs an invariant TSC (every x86-64 server of the last fifteen years has one).
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace roost {

inline uint64_t tsc_now() noexcept { return __rdtsc(); }

inline void cpu_pause() noexcept { _mm_pause(); }

// TSC ticks a second, measured once against CLOCK_MONOTONIC_RAW (about 20 ms); hosts get the manager's value.
uint64_t measure_tsc_hz();

class TscClock {
 public:
  explicit TscClock(uint64_t hz) noexcept : hz_(hz) {}
  uint64_t hz() const noexcept { return hz_; }
  uint64_t from_us(uint64_t us) const noexcept { return us * hz_ / 1'000'000; }
  double to_us(uint64_t cycles) const noexcept { return static_cast<double>(cycles) * 1e6 / static_cast<double>(hz_); }

 private:
  uint64_t hz_;
};

}  // namespace roost

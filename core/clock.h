// SPDX-License-Identifier: BSD-3-Clause
// Time as the packet path reads it: the time-stamp counter, and its conversion to microseconds.
// Needs an invariant TSC (every x86-64 server of the last fifteen years has one).
#pragma once

#include <x86intrin.h>

#include <cstdint>
#include <ctime>

namespace roost {

inline uint64_t tsc_now() noexcept { return __rdtsc(); }

inline void cpu_pause() noexcept { _mm_pause(); }

// TSC ticks a second, measured once against CLOCK_MONOTONIC_RAW (about 20 ms); hosts get the manager's value.
uint64_t measure_tsc_hz();

class TscClock {
 public:
  explicit TscClock(uint64_t hz) noexcept : hz_(hz), seconds_max_(hz == 0 ? 0 : kFarAway / hz - 1) {}
  uint64_t hz() const noexcept { return hz_; }
  // At most kFarAway, which can be added to any time that a counter will reach. By seconds and the rest of them: the
  // product of some hours in microseconds and the rate does not fit into 64 bits.
  static constexpr uint64_t kFarAway = UINT64_MAX / 2;
  uint64_t from_us(uint64_t us) const noexcept {
    const uint64_t seconds = us / 1'000'000;
    if (seconds > seconds_max_) return kFarAway;
    return seconds * hz_ + us % 1'000'000 * hz_ / 1'000'000;
  }
  // What a clock of the kernel's shows, such as the CPU time of a thread or process; 0 where it shows nothing.
  uint64_t read(clockid_t clock) const noexcept {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * hz_ + static_cast<uint64_t>(time.tv_nsec) * hz_ / 1'000'000'000;
  }

 private:
  uint64_t hz_, seconds_max_;
};

}  // namespace roost

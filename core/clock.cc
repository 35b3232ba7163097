// SPDX-License-Identifier: BSD-3-Clause
#include "core/clock.h"

#include <ctime>

namespace roost {

uint64_t measure_tsc_hz() {
  const auto monotonic_ns = [] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
  };
  const uint64_t began_ns = monotonic_ns(), began = tsc_now();
  uint64_t ended_ns = began_ns;
  while (ended_ns - began_ns < 20'000'000) ended_ns = monotonic_ns();
  return (tsc_now() - began) * 1'000'000'000u / (ended_ns - began_ns);
}

}  // namespace roost

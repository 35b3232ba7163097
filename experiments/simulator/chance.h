// SPDX-License-Identifier: BSD-3-Clause
// Chance that is the same everywhere: SplitMix64 (G. Steele, D. Lea, C. Flood, 2014), integers only.
#pragma once

#include <cstdint>

namespace roost::simulator {

class Chance {
 public:
  explicit constexpr Chance(uint64_t seed) noexcept : state_(seed) {}
  constexpr uint64_t next() noexcept {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to bound - 1; for the small bounds used here the bias is far below what anybody could see.
  constexpr uint64_t below(uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

 private:
  uint64_t state_;
};

}  // namespace roost::simulator

// SPDX-License-Identifier: BSD-3-Clause
// Has an NF crashed its host too often to be let near the others again? A policy is a class with these functions, one
// object for each NF that ever did:
//
//   crashed(now_ms)            it did, once more
//   too_often(limits, now_ms)  it should stay away
//   start_over()               an operator has brought it back: what was before doesn't count
//
// Times come from a clock that only goes forward.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace roost {

struct CrashLimits {
  uint32_t most = 0;  // crashes; 0: never too often
  uint64_t window_ms = 0;
};

// The reference: each crash counts, however long ago it was.
class CrashCount {
 public:
  void crashed(uint64_t /*now_ms*/) noexcept { ++crashes_; }
  bool too_often(const CrashLimits& limits, uint64_t /*now_ms*/) const noexcept {
    return limits.most != 0 && crashes_ >= limits.most;
  }
  void start_over() noexcept { crashes_ = 0; }

 private:
  uint32_t crashes_ = 0;
};

// Only those within the window: an NF that crashes once a day is restarted each time.
class CrashWindow {
 public:
  static constexpr uint32_t kMost = 16;  // that limits can ask for

  void crashed(uint64_t now_ms) noexcept { times_ms_[crashes_++ % kMost] = now_ms; }
  bool too_often(const CrashLimits& limits, uint64_t now_ms) const noexcept {
    if (limits.most == 0 || crashes_ < limits.most) return false;
    const uint64_t first_ms = times_ms_[(crashes_ - std::min(limits.most, kMost)) % kMost];
    return now_ms - first_ms <= limits.window_ms;
  }
  void start_over() noexcept { crashes_ = 0; }

 private:
  std::array<uint64_t, kMost> times_ms_{};
  uint32_t crashes_ = 0;
};

}  // namespace roost

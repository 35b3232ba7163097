// SPDX-License-Identifier: BSD-3-Clause
// How much of a long dispatch its thread did not have the core for. Cycles are counted by TSC, which goes on while the
// kernel runs others; asking it for the thread's own time takes some hundred nanoseconds. So that is asked now and
// then, and after a dispatch that took so long that it may have been interrupted.
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

class StolenTime {
 public:
  // Both clocks at one moment, in TSC cycles.
  void sample(uint64_t tsc, uint64_t cpu_cycles) noexcept {
    tsc_ = tsc;
    cpu_ = cpu_cycles;
    known_ = true;
  }
  // The thread has slept, or has let others have the core: what was sampled says nothing about what comes.
  void forget() noexcept { known_ = false; }
  bool is_older(uint64_t now_tsc, uint64_t than_cycles) const noexcept {
    return !known_ || now_tsc - tsc_ > than_cycles;
  }

  // Of a dispatch of so many cycles that ends now; and takes the sample. Nothing is stolen where nobody has sampled
  // before. Short interruptions since the last sample count to this dispatch: they are short.
  uint64_t of_dispatch(uint64_t cycles, uint64_t tsc, uint64_t cpu_cycles) noexcept {
    const bool knew = known_;
    const uint64_t wall = tsc - tsc_, ran = cpu_cycles - cpu_;
    sample(tsc, cpu_cycles);
    return knew && wall > ran ? std::min(wall - ran, cycles) : 0;
  }

 private:
  uint64_t tsc_ = 0, cpu_ = 0;
  bool known_ = false;
};

}  // namespace roost

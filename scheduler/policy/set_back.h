// SPDX-License-Identifier: BSD-3-Clause
// Whether a worker comes after all others of its shared core for a while. One that is in the middle of a long dispatch,
// or was told to give way and has not, cannot be told anything; and the kernel shares the core out between it and
// whoever is woken at its own ticks, milliseconds apart. So it is set back: it runs while no other does. At the end of
// the dispatch it comes forward again; and before that, so that it is not left there, whenever others have had a turn
// meanwhile, or after a while that doubles.
//
// Whether it has used the processor at all is not known at first, since the kernel may count that at ticks, too. So it
// is set back once whatever it did, and each further time only if it has been seen to run since the last: a worker that
// somebody else's process keeps from the core loses no more than that.
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

class SetBack {
 public:
  struct Times {     // in cycles
    uint64_t held;   // at one dispatch, or on the core after it was told to leave it, while others want it
    uint64_t first;  // so long the first time; twice as long each further time
    uint64_t most;   // and at most so long
    uint64_t turn;   // or until others have used so much
  };
  struct Sight {
    uint64_t now;
    uint64_t dispatches;   // so many it reports to have begun
    bool at_one;           // and to be in the middle of the last of them
    bool told;             // to leave the core
    bool others_want;      // of those that are up and not set back, some have packets
    uint64_t core_cycles;  // that workers of its core were charged, ever
  };

  // Whether it is set back from now on. `ran`: the cycles that its process has run, ever; called where that decides.
  template <typename Ran>
  bool look(const Sight& sight, const Times& times, Ran&& ran) noexcept {
    const bool goes_on = sight.at_one && sight.dispatches == dispatches_;
    dispatches_ = sight.dispatches;
    if (!goes_on && !sight.told) {
      begin(sight.now);
    } else if (back_) {
      const uint64_t patience = std::min(times.first << std::min(times_ - 1, 30U), times.most);
      if (sight.core_cycles - core_cycles_ >= times.turn || sight.now - since_ >= patience) turn(false, sight);
    } else if (sight.others_want && sight.now - since_ >= times.held) {
      const uint64_t cycles = ran();
      if (times_ != 0 && cycles - ran_ < times.held / 2) return false;
      ran_ = cycles;
      turn(true, sight);
    }
    return back_;
  }

  // It has come up, or to the end of a dispatch.
  void begin(uint64_t now) noexcept {
    since_ = now;
    times_ = 0;
    back_ = false;
  }

 private:
  void turn(bool back, const Sight& sight) noexcept {
    back_ = back;
    times_ += back;
    since_ = sight.now;
    core_cycles_ = sight.core_cycles;
  }

  bool back_ = false;
  uint32_t times_ = 0;        // that it was set back over this dispatch
  uint64_t dispatches_ = 0;   // at the last look
  uint64_t since_ = 0;        // it began, or was set back, or came forward
  uint64_t core_cycles_ = 0;  // when it was set back
  uint64_t ran_ = 0;          // its process, when it was set back
};

}  // namespace roost

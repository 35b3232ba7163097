// SPDX-License-Identifier: BSD-3-Clause
// How long a worker without packets looks for some before it sleeps. Asking the kernel to sleep and being woken costs
// more than a short look; a long look in vain costs a core. A policy is a class with these functions:
//
//   patience(most)        how long to look this time; at most `most`, the setting
//   paid(waited, most)    something came while it looked
//   slept(away, most)     nothing did: it slept, and was away for so long, look and wake-up included
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace roost {

// The reference: always for as long as the setting says.
class FixedSpin {
 public:
  uint64_t patience(uint64_t most) const noexcept { return most; }
  void paid(uint64_t, uint64_t) noexcept {}
  void slept(uint64_t, uint64_t) noexcept {}
};

// Looks for longer where that would have been enough, and for less where not, by doubling and halving. Where packets
// are far apart it does not look at all; where they come sooner than `most`, it notices by how short its sleeps are.
// What else a look is good for, such as handing the core over to another worker without a halt, no sleep shows: so it
// tries a whole one now and then.
class AdaptiveSpin {
 public:
  // What waking a sleeper takes; a sleep by so much longer than the setting would still have been worth a look.
  explicit AdaptiveSpin(uint64_t wake_cycles) noexcept : wake_cycles_(wake_cycles) {}

  uint64_t patience(uint64_t most) const noexcept { return std::min(limit_, most); }

  void paid(uint64_t waited, uint64_t most) noexcept {
    limit_ = std::min(std::max(limit_, 2 * waited), most);
    tries_ = false;
  }

  void slept(uint64_t away, uint64_t most) noexcept {
    const bool in_vain = limit_ >= most || away > most + wake_cycles_;
    if (!in_vain) {
      limit_ = std::min(std::max(2 * limit_, most / kSteps), most);
    } else if (limit_ != 0) {
      limit_ =
          std::exchange(tries_, false) || std::min(limit_, most) / 2 < most / kSteps ? 0 : std::min(limit_, most) / 2;
    } else if (++naps_ == kNapsPerTry) {
      naps_ = 0;
      tries_ = true;
      limit_ = most;
    }
  }

 private:
  static constexpr uint64_t kSteps = 16;  // the shortest look is this part of the longest
  static constexpr uint32_t kNapsPerTry = 64;

  uint64_t limit_ = UINT64_MAX;
  uint32_t naps_ = 0;   // without a look before them
  bool tries_ = false;  // the next look is such a try
  uint64_t wake_cycles_;
};

}  // namespace roost

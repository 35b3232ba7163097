// SPDX-License-Identifier: BSD-3-Clause
// How long packets may wait before their worker is woken, where what is asked for is a time that 99 % of them may spend
// here (their sojourn, from arrival until they are back from the worker) and no thresholds. The longer they wait, the
// fewer wake-ups, so the wait is made as long as the target allows, again and again as the load changes. One worker
// each. A policy is a class with these functions:
//
//   threshold()    what to wake for at present
//   saw(sojourn)   a packet is back
//   woken(now)     the worker was
//   adjust(now)    asked after some packets: whether threshold() is another now
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "scheduler/policy/wake.h"

namespace roost {

// The reference: always what is set.
class FixedThreshold {
 public:
  explicit FixedThreshold(const WakeThreshold& threshold) noexcept : threshold_(threshold) {}
  WakeThreshold threshold() const noexcept { return threshold_; }
  void saw(uint64_t) noexcept {}
  void woken(uint64_t) noexcept {}
  bool adjust(uint64_t) noexcept { return false; }

 private:
  WakeThreshold threshold_;
};

struct SojournOptions {
  uint64_t target_cycles = 1;  // TSC
  uint64_t hz = 1;
  uint64_t packets_most = 1;  // that may wait: with more of them some would be lost

  bool operator==(const SojournOptions&) const noexcept = default;
};

// What a packet spends here is what it waits for company and all the rest, and the rest hardly depends on the wait: so
// the wait is moved by a part of what is missing to the target. The p99 is that of some windows, older ones for less,
// and less still after a step that made them tell of something else. A window is long enough for wake-ups to tell
// something; where the worker was hardly woken, its end is a time. Where packets are so far apart that none would get
// company, they are not made to wait for it.
class SojournControl {
 public:
  SojournControl(const SojournOptions& options, uint64_t now) noexcept
      : options_(options),
        bins_a_cycle_((uint64_t{kBinsATarget} << kFractionBits) / options.target_cycles),
        wait_cycles_(options.target_cycles / kFirstPart),
        began_tsc_(now) {}

  const SojournOptions& options() const noexcept { return options_; }
  WakeThreshold threshold() const noexcept { return {options_.packets_most, alone_ ? 0 : wait_cycles_}; }
  uint64_t p99_cycles() const noexcept { return p99_cycles_; }  // at the last adjustment; 0: there was none

  void saw(uint64_t sojourn_cycles) noexcept {
    const uint64_t most = kBins / kBinsATarget * options_.target_cycles;
    const uint64_t bin = std::min(sojourn_cycles, most) * bins_a_cycle_ >> kFractionBits;
    bins_[std::min<uint64_t>(bin, kBins - 1)] += kPacket;
    ++seen_;
  }

  void woken(uint64_t now) noexcept {
    ++wakes_;
    if (now - first_woken_tsc_ < options_.target_cycles)
      ++spared_;
    else
      first_woken_tsc_ = now;
  }

  bool adjust(uint64_t now) noexcept {
    const uint64_t took = now - began_tsc_;
    const bool full = seen_ >= kPacketsLeast && wakes_ >= kWakesLeast && took >= options_.hz / kWindowsASecondMost;
    if (!full && (seen_ < kPacketsFew || took < options_.hz / kWindowsASecondLeast)) return false;
    const uint64_t before = threshold().deadline_cycles;
    p99_cycles_ = p99();
    const bool was_alone = alone_;
    if (wakes_ >= kWakesLeast) look_for_company();
    const bool steps = !was_alone && step();
    for (uint32_t& bin : bins_) bin = steps || alone_ != was_alone ? bin / kKeptAfterStep : bin - bin / kForgotten;
    began_tsc_ = now;
    seen_ = wakes_ = spared_ = 0;
    return threshold().deadline_cycles != before;
  }

 private:
  static constexpr uint32_t kBinsATarget = 64, kBins = 2 * kBinsATarget + 1;  // the last: twice the target and more
  static constexpr uint32_t kFractionBits = 32;
  static constexpr uint64_t kFirstPart = 4;  // of the target: the wait to begin with
  static constexpr uint64_t kMargin = 64;    // and what is kept free of it
  static constexpr uint64_t kGain = 2, kStepMost = 4, kStepLarge = 16;
  static constexpr uint32_t kPacket = 64, kForgotten = 4, kKeptAfterStep = 8;
  static constexpr uint64_t kPacketsLeast = 256, kWakesLeast = 16, kPacketsFew = 16;
  static constexpr uint64_t kWindowsASecondMost = 1'000, kWindowsASecondLeast = 2;
  static constexpr uint64_t kAloneBelow = 16, kCompanyFrom = 8;  // one more packet in so many wake-ups

  // Whether to wait brings anything: packets beside the first one, or while none waits, wake-ups so soon after another
  // that waiting would have spared them.
  void look_for_company() noexcept {
    if (alone_)
      alone_ = spared_ * kCompanyFrom < wakes_;
    else
      alone_ = seen_ <= wakes_ + wakes_ / kAloneBelow;
  }

  // Returns whether it was a large one.
  bool step() noexcept {
    const uint64_t target = options_.target_cycles, aim = target - target / kMargin;
    if (p99_cycles_ > aim) {
      const uint64_t down = std::min((p99_cycles_ - aim) / kGain, target / kStepMost);
      wait_cycles_ -= std::min(down, wait_cycles_);
      return down > target / kStepLarge;
    }
    const uint64_t up = std::min((aim - p99_cycles_) / kGain, target / kStepMost);
    wait_cycles_ = std::min(wait_cycles_ + up, target);
    return up > target / kStepLarge;
  }

  // The upper edge of the bin that it lies in. With fewer than 100 packets: the longest.
  uint64_t p99() const noexcept {
    uint64_t all = 0;
    for (const uint32_t bin : bins_) all += bin;
    uint64_t above = 0;
    uint32_t bin = kBins;
    do above += bins_[--bin];
    while (bin != 0 && above <= all / 100);
    return (bin + 1) * options_.target_cycles / kBinsATarget;
  }

  SojournOptions options_;
  uint64_t bins_a_cycle_;
  uint64_t wait_cycles_;
  uint64_t p99_cycles_ = 0;
  uint64_t began_tsc_, first_woken_tsc_ = 0;
  uint64_t seen_ = 0, wakes_ = 0;  // in this window
  uint64_t spared_ = 0;            // of those wake-ups, had there been a wait as long as the target
  bool alone_ = false;
  std::array<uint32_t, kBins> bins_{};  // kPacket each, so that they can fade
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// An open-loop schedule: packet n is due at start + n / rate, whatever the system does. Times in TSC cycles.
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

class PacketSchedule {
 public:
  // rate_pps 0: everything is due at once.
  PacketSchedule(uint64_t rate_pps, uint64_t tsc_hz) noexcept : paced_(rate_pps != 0) {
    if (!paced_) return;
    interval_tsc_ = tsc_hz / rate_pps;
    // The rest of the division in 2^-32 cycles: without it the schedule would drift.
    interval_fraction_ =
        static_cast<uint64_t>(static_cast<double>(tsc_hz % rate_pps) / static_cast<double>(rate_pps) * 0x1p32);
  }

  bool paced() const noexcept { return paced_; }

  // The schedule's zero is the first call.
  void start_once(uint64_t now_tsc) noexcept {
    if (started_) return;
    started_ = true;
    due_tsc_ = now_tsc;
  }

  // The time at which the next packet is meant to be sent; 0 before the start and where nothing is paced.
  uint64_t due_tsc() const noexcept { return due_tsc_; }

  // How many packets are due at `now_tsc`, at most `limit`; an estimate that can be one off.
  uint64_t due_count(uint64_t now_tsc, uint64_t limit) const noexcept {
    if (!paced_) return limit;
    if (now_tsc < due_tsc_) return 0;
    const uint64_t late_tsc = now_tsc - due_tsc_;
    const double interval = static_cast<double>(interval_tsc_) + static_cast<double>(interval_fraction_) * 0x1p-32;
    return static_cast<uint64_t>(std::min(static_cast<double>(limit), 1.0 + static_cast<double>(late_tsc) / interval));
  }

  // Takes the next packet off the schedule and returns the time at which it was due.
  uint64_t take() noexcept {
    const uint64_t due = due_tsc_;
    fraction_ += interval_fraction_;
    due_tsc_ += interval_tsc_ + (fraction_ >> 32);
    fraction_ &= 0xffffffffU;
    return due;
  }

 private:
  bool paced_;
  bool started_ = false;
  uint64_t interval_tsc_ = 0;
  uint64_t interval_fraction_ = 0;
  uint64_t fraction_ = 0;
  uint64_t due_tsc_ = 0;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a worker has used of its core: what it reports, put right now and then by what the kernel says its process has
// run, which nobody can understate, and which leaves out what others ran in the middle of a dispatch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace roost {

class CpuAccount {
 public:
  using Meter = std::function<uint64_t()>;  // cycles of the TSC that the process has run, ever: a system call

  struct Patience {      // in cycles of the TSC
    uint64_t report;     // one of more than this is compared with the meter
    uint64_t interval;   // and so are many small ones after this long
    uint64_t allowance;  // a report may be too small by this much: waking and going to sleep take time, too
    uint64_t lag;        // the meter may be behind by this much: the kernel counts a stretch when it ends, or at a tick
  };

  // Without a meter, reports are all there is.
  void set_meter(Meter meter) { meter_ = std::move(meter); }

  // What the process has run, ever; nothing where there is no meter.
  std::optional<uint64_t> ran() const { return meter_ ? std::optional(meter_()) : std::nullopt; }

  // From here on it counts: what was used before is free.
  void open(uint64_t now) noexcept {
    if (!meter_) return;
    seen_ = meter_();
    since_ = now;
    balance_ = allowed_ = 0;
    reports_ = 0;
  }

  // What to charge for a stretch of which `reported` cycles are owned up to.
  uint64_t charge(uint64_t reported, uint64_t now, const Patience& patience, bool looked_into = false) noexcept {
    const auto lag = static_cast<int64_t>(patience.lag);
    balance_ += static_cast<int64_t>(reported);
    allowed_ += static_cast<int64_t>(patience.allowance);
    const bool due = ++reports_ >= kReportsLeast && now - since_ >= patience.interval;
    if (!meter_ || !(due || looked_into || reported > patience.report)) return reported;
    // More than the clock shows is from before, when the meter was behind.
    const uint64_t ran = std::min(meter_() - seen_, now - std::min(since_, now));
    seen_ += ran;
    since_ = now;
    reports_ = 0;
    const int64_t before = balance_ - static_cast<int64_t>(ran);
    balance_ = std::clamp(before, -allowed_, lag);
    allowed_ = std::min(allowed_, lag - balance_);  // what has not been needed for long is no reserve
    // Used and neither reported nor allowed for; or reported, and not used even if the meter is behind.
    const int64_t more = balance_ - before;
    return more >= 0 ? reported + static_cast<uint64_t>(more)
                     : reported - std::min(reported, static_cast<uint64_t>(-more));
  }

 private:
  static constexpr uint32_t kReportsLeast = 8;

  Meter meter_;
  uint64_t seen_ = 0, since_ = 0;  // the meter, and when it was read
  int64_t balance_ = 0;            // what was charged, less what the meter has shown
  int64_t allowed_ = 0;            // how far below nought that may be
  uint32_t reports_ = 0;           // since then
};

}  // namespace roost

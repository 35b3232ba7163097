// SPDX-License-Identifier: BSD-3-Clause
// How long does an NF that was quarantined wait before it gets packets again, and a host that died before it is started
// again? One that overruns, or dies, now and then should be back soon, one that does so whenever it gets packets should
// cost others little. A policy is a class with these functions, one object for each NF that was ever quarantined, and
// for each host:
//
//   quarantined(worked_ms, limits)  it is quarantined, after having worked for so long since it was brought back
//   delay_ms(limits)                how long it waits, from then on; none: it isn't brought back by itself
//   start_over()                    an operator has brought it back: what was before doesn't count
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace roost {

struct RestartLimits {
  uint64_t first_ms = 0;  // 0: never by itself
  uint64_t most_ms = 0;
};

// Whether NFs whose host has ended unasked are started again; values of the setting restart_policy.
enum class RestartPolicy : uint8_t { never, on_failure, always };
constexpr bool comes_back(RestartPolicy policy, bool failed) noexcept {
  return policy == RestartPolicy::always || (policy == RestartPolicy::on_failure && failed);
}

inline constexpr uint64_t kNeverQuarantined_ms =
    UINT64_MAX;  // worked_ms of an NF that is quarantined for the first time

// The reference: the same wait each time.
class FixedRestart {
 public:
  void quarantined(uint64_t /*worked_ms*/, const RestartLimits&) noexcept {}
  std::optional<uint64_t> delay_ms(const RestartLimits& limits) const noexcept {
    return limits.first_ms == 0 ? std::nullopt : std::optional(std::min(limits.first_ms, limits.most_ms));
  }
  void start_over() noexcept {}
};

// Twice the wait each time, up to the bound; and one doubling is taken back for each time that the NF has then worked
// for twice as long as the wait of that step. So one that overruns less often than every two first waits never waits
// for longer than the first, and one that overruns at once goes to the bound.
class RestartBackoff {
 public:
  void quarantined(uint64_t worked_ms, const RestartLimits& limits) noexcept {
    while (next_ != 0 && worked_ms / kGoodTimes >= wait_ms(next_ - 1, limits))
      worked_ms -= kGoodTimes * wait_ms(--next_, limits);
    step_ = next_ != 0 && wait_ms(next_ - 1, limits) >= limits.most_ms ? next_ - 1 : next_;
    next_ = std::min(step_ + 1, kStepsMost);
  }
  std::optional<uint64_t> delay_ms(const RestartLimits& limits) const noexcept {
    return limits.first_ms == 0 ? std::nullopt : std::optional(wait_ms(step_, limits));
  }
  void start_over() noexcept { step_ = next_ = 0; }

 private:
  static constexpr uint64_t kGoodTimes = 2;
  static constexpr uint32_t kStepsMost = 31;

  static uint64_t wait_ms(uint32_t step, const RestartLimits& limits) noexcept {
    return std::min(limits.first_ms << step, limits.most_ms);
  }

  uint32_t step_ = 0;  // doublings of the wait that counts now
  uint32_t next_ = 0;  // and of the next one, if it comes at once
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What happens to a worker's NFs besides packets: timers that fire, and messages. Kept here until the worker has time
// for them; the cost follows what fires and what comes, the memory what is set and what waits.
//
// NFs set timers in start(), on the control thread, and later on the worker; messages come from both. One lock guards
// it all, held for a few instructions. Without timers and messages a worker has none of this: see Worker::events().
#pragma once

#include <roost/nf.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/lazy_array.h"
#include "core/timer_wheel.h"

namespace roost {

class NfEvents {
 public:
  static constexpr uint64_t kNever = TimerWheel::kNever;

  // `tick`: a millisecond, in TSC cycles.
  NfEvents(uint32_t nfs_max, uint64_t tick, uint64_t now);

  // Any thread. NFs by their places in the host.
  TimerId every(uint32_t nf, uint64_t period_ms, uint64_t now) { return add(nf, period_ms, true, now); }
  TimerId after(uint32_t nf, uint64_t delay_ms, uint64_t now) { return add(nf, delay_ms, false, now); }
  void cancel(uint32_t nf, TimerId timer) noexcept;
  bool post(uint32_t nf, std::string_view message) noexcept;  // false: too long, or too many wait
  void forget(uint32_t nf) noexcept;                          // its timers and messages; it has gone

  // Worker. When it is to look next, 0: now, kNever: no need.
  uint64_t next_tsc() const noexcept { return next_tsc_.load(std::memory_order_relaxed); }
  struct Event {
    uint32_t nf = UINT32_MAX;  // UINT32_MAX: there is none
    TimerId timer = TimerId::none;
    std::string message{};  // if it is no timer
    bool rouses = false;    // neither: the NF waits for the message that has come
  };
  // The next that is due. ready(nf): whether the NF may be called; what comes for others waits for resume(nf).
  template <typename Ready>
  Event take(uint64_t now, Ready&& ready) noexcept {
    const std::lock_guard lock(mutex_);
    advance(now);
    Event event;
    while (due_.count != 0 && event.nf == UINT32_MAX) take_timer(now, ready, event);
    while (!mail_.empty() && event.nf == UINT32_MAX) take_message(ready, event);
    set_next();
    return event;
  }
  void resume(uint32_t nf) noexcept;
  // The first message of an NF that asks for it. `waits`: where there is none, the next one rouses it.
  std::optional<std::string> take_own(uint32_t nf, bool waits) noexcept;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kTimersMax = 1u << 22;
  static constexpr uint64_t kLongest_ms = uint64_t{366} * 86'400'000;

  enum class State : uint8_t { free, armed, due, held, cancelled };
  struct Timer {
    uint64_t due_tsc = 0;
    uint64_t period = 0;  // TSC cycles, 0: it fires once
    uint32_t nf = 0;
    uint32_t generation = 1;  // tells it from timers that had its place before
    uint32_t next_of_nf = kNone, previous_of_nf = kNone;
    uint32_t next = kNone;  // in a queue of those that are due, or free
    State state = State::free;
  };
  struct Queue {
    uint32_t first = kNone, last = kNone, count = 0;
  };
  struct OfNf {
    uint32_t timers;              // place of the first + 1
    bool timers_held, mail_held;  // something came when the NF could not be called
    bool waits;                   // for a message, in the middle of its work
  };

  TimerId add(uint32_t nf, uint64_t ms, bool again, uint64_t now);
  static TimerId id_of(uint32_t place, const Timer& timer) noexcept {
    return TimerId{uint64_t{timer.generation} << 32 | place};
  }
  void advance(uint64_t now) noexcept {
    wheel_.advance(now, [this](uint32_t place) { set_due(place); });
  }
  void set_due(uint32_t place) noexcept;
  void remove(uint32_t place) noexcept;
  void give_back(uint32_t place) noexcept;
  void set_next() noexcept {
    next_tsc_.store(due_.count != 0 || !mail_.empty() ? 0 : wheel_.next(), std::memory_order_relaxed);
  }
  uint32_t pop_due() noexcept;
  void fired(uint32_t place, uint64_t now) noexcept;

  template <typename Ready>
  void take_timer(uint64_t now, Ready& ready, Event& event) noexcept {
    const uint32_t place = pop_due();
    Timer& timer = timers_[place];
    if (timer.state != State::due) return give_back(place);  // cancelled since
    if (!ready(timer.nf)) {
      timer.state = State::held;
      of_nf_[timer.nf].timers_held = true;
      return;
    }
    event.nf = timer.nf;
    event.timer = id_of(place, timer);
    fired(place, now);
  }
  template <typename Ready>
  void take_message(Ready& ready, Event& event) noexcept {
    const uint32_t nf = mail_.front();
    mail_.pop_front();
    const auto found = messages_.find(nf);
    if (found == messages_.end()) return;                                         // the NF has gone
    if (found->second.empty()) return static_cast<void>(messages_.erase(found));  // there was no memory for it
    if (!ready(nf)) {
      of_nf_[nf].mail_held = true;
      event.rouses = std::exchange(of_nf_[nf].waits, false);
      if (event.rouses) event.nf = nf;
      return;
    }
    event.nf = nf;
    event.message.swap(found->second.front());
    found->second.pop_front();
    if (found->second.empty())
      messages_.erase(found);
    else
      mail_.push_back(nf);
  }

  const uint64_t tick_;
  std::mutex mutex_;
  std::atomic<uint64_t> next_tsc_{kNever};
  TimerWheel wheel_;
  std::vector<Timer> timers_;
  uint32_t free_ = kNone;
  Queue due_;
  LazyArray<OfNf> of_nf_;
  std::unordered_map<uint32_t, std::deque<std::string>> messages_;  // of NFs for which some wait
  std::deque<uint32_t> mail_;                                       // these NFs, in turn
};

}  // namespace roost

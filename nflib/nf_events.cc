// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/nf_events.h"

#include <algorithm>
#include <exception>

namespace roost {

NfEvents::NfEvents(uint32_t nfs_max, uint64_t tick, uint64_t now) : tick_(tick), wheel_(tick, now), of_nf_(nfs_max) {}

TimerId NfEvents::add(uint32_t nf, uint64_t ms, bool again, uint64_t now) {
  const uint64_t cycles = std::min(std::max<uint64_t>(ms, 1), kLongest_ms) * tick_;
  const std::lock_guard lock(mutex_);
  advance(now);
  if (free_ == kNone) {
    const size_t before = timers_.size(), count = std::min<size_t>(std::max<size_t>(16, 2 * before), kTimersMax);
    if (count == before) return TimerId::none;
    try {
      wheel_.reserve(static_cast<uint32_t>(count));
      timers_.resize(count);
    } catch (const std::exception&) {
      return TimerId::none;
    }
    for (size_t place = count; place-- > before;) {
      timers_[place].next = free_;
      free_ = static_cast<uint32_t>(place);
    }
  }
  const uint32_t place = free_;
  Timer& timer = timers_[place];
  free_ = timer.next;
  timer.next = kNone;
  timer.nf = nf;
  timer.period = again ? cycles : 0;
  timer.due_tsc = again ? (now / cycles + 1) * cycles : now + cycles;
  OfNf& of = of_nf_[nf];
  timer.previous_of_nf = kNone;
  timer.next_of_nf = of.timers - 1;  // kNone where there is none
  if (of.timers != 0) timers_[of.timers - 1].previous_of_nf = place;
  of.timers = place + 1;
  timer.state = State::armed;
  wheel_.arm(place, timer.due_tsc);
  set_next();
  return id_of(place, timer);
}

// Off its NF's list and out of the wheel. One that is in the queue of those that are due stays there until its turn.
void NfEvents::remove(uint32_t place) noexcept {
  Timer& timer = timers_[place];
  if (timer.next_of_nf != kNone) timers_[timer.next_of_nf].previous_of_nf = timer.previous_of_nf;
  if (timer.previous_of_nf != kNone)
    timers_[timer.previous_of_nf].next_of_nf = timer.next_of_nf;
  else
    of_nf_[timer.nf].timers = timer.next_of_nf + 1;
  ++timer.generation;
  wheel_.disarm(place);
  if (timer.state == State::due)
    timer.state = State::cancelled;
  else
    give_back(place);
}

void NfEvents::give_back(uint32_t place) noexcept {
  timers_[place].state = State::free;
  timers_[place].next = free_;
  free_ = place;
}

void NfEvents::cancel(uint32_t nf, TimerId id) noexcept {
  const auto place = static_cast<uint32_t>(id);
  const std::lock_guard lock(mutex_);
  if (place >= timers_.size()) return;
  const Timer& timer = timers_[place];
  if (timer.state == State::free || timer.nf != nf || id_of(place, timer) != id) return;
  remove(place);
  set_next();
}

void NfEvents::set_due(uint32_t place) noexcept {
  timers_[place].state = State::due;
  timers_[place].next = kNone;
  (due_.count++ == 0 ? due_.first : timers_[due_.last].next) = place;
  due_.last = place;
}

uint32_t NfEvents::pop_due() noexcept {
  const uint32_t place = due_.first;
  due_.first = timers_[place].next;
  --due_.count;
  return place;
}

// Set for the next multiple of its period, or gone.
void NfEvents::fired(uint32_t place, uint64_t now) noexcept {
  Timer& timer = timers_[place];
  timer.state = State::armed;
  if (timer.period == 0) return remove(place);
  timer.due_tsc = (std::max(now, timer.due_tsc) / timer.period + 1) * timer.period;
  wheel_.arm(place, timer.due_tsc);
}

// The NF can be called (again): what was held for it is due.
void NfEvents::resume(uint32_t nf) noexcept {
  const std::lock_guard lock(mutex_);
  OfNf& of = of_nf_[nf];
  if (of.timers_held)
    for (uint32_t place = of.timers - 1; place != kNone; place = timers_[place].next_of_nf)
      if (timers_[place].state == State::held) set_due(place);
  if (of.mail_held) mail_.push_back(nf);
  of.timers_held = of.mail_held = false;
  set_next();
}

bool NfEvents::post(uint32_t nf, std::string_view message) noexcept {
  if (message.size() > kMessageBytesMax) return false;
  const std::lock_guard lock(mutex_);
  try {
    auto& waiting = messages_[nf];
    if (waiting.size() >= kMessagesMax) return false;
    if (waiting.empty()) mail_.push_back(nf);
    waiting.emplace_back(message);
  } catch (const std::exception&) {
    return false;
  }
  set_next();
  return true;
}

std::optional<std::string> NfEvents::take_own(uint32_t nf, bool waits) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = messages_.find(nf);
  const bool there = found != messages_.end() && !found->second.empty();
  of_nf_[nf].waits = waits && !there;
  if (!there) return {};
  std::optional<std::string> message(std::move(found->second.front()));
  found->second.pop_front();
  if (found->second.empty()) messages_.erase(found);
  return message;
}

void NfEvents::forget(uint32_t nf) noexcept {
  const std::lock_guard lock(mutex_);
  OfNf& of = of_nf_[nf];
  while (of.timers != 0) remove(of.timers - 1);
  of.timers_held = of.mail_held = of.waits = false;
  messages_.erase(nf);
  set_next();
}

}  // namespace roost

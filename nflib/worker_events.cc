// SPDX-License-Identifier: BSD-3-Clause
// Timers and messages: the worker calls NFs for them between two rounds of packets, as it calls process().
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "nflib/worker.h"

namespace roost {
namespace {

constexpr uint32_t kNoNf = UINT32_MAX;
constexpr auto kLater = [](const auto* a, const auto* b) { return a->resume_tsc > b->resume_tsc; };

}  // namespace

NfEvents& Worker::events() {
  if (NfEvents* const there = events_.load(std::memory_order_acquire)) return *there;
  const std::lock_guard lock(making_events_);
  if (own_events_ == nullptr) {
    own_events_ = std::make_unique<NfEvents>(region_.layout().nfs_max, clock_.from_us(1'000), tsc_now());
    events_.store(own_events_.get(), std::memory_order_seq_cst);
  }
  return *own_events_;
}

void Worker::forget_events(uint32_t place) noexcept {
  if (NfEvents* const events = events_.load(std::memory_order_acquire)) events->forget(place);
}

bool Worker::wants_up() const noexcept {
  return next_event_tsc() != NfEvents::kNever || returned_.load(std::memory_order_relaxed) != kNoHandle;
}

// The next that is due; false: none is, or packets go first now. The NF may wait in the middle of it, like in the
// middle of process(): then this fiber does, and the worker goes on with another.
bool Worker::call_event(NfEvents& events) noexcept {
  if (events_left_ == 0 || events.next_tsc() > last_tsc_) {
    events_left_ = kEventsMax;
    return false;
  }
  --events_left_;
  NfEvents::Event event = events.take(
      last_tsc_, [this](uint32_t nf) { return region_.nf(nf).state.load(std::memory_order_acquire) == kNfReady; });
  if (event.nf == kNoNf) return false;
  if (event.rouses) {
    rouse(event.nf);
    return true;
  }
  Dispatch burst;  // of no packets
  burst.nf = event.nf;
  burst.hops[0] = 0;
  NfRecord& record = region_.nf(event.nf);
  running_.store(&burst, std::memory_order_relaxed);
  call_nf(burst, record, [&event](Nf& nf) {
    if (event.timer != TimerId::none) return nf.on_timer(event.timer);
    const std::string message = std::move(event.message);  // goes here: the fiber of one that overruns is left for good
    nf.on_message(message);
  });
  const uint64_t cycles = charge(record, 0, fair_);
  if (fair_) drr_.charge(turns_[event.nf].credit, 0, cycles);
  leave_nf(cycles, 1);
  return true;
}

// Of an NF that waits for a message and gets one: its time has come.
void Worker::rouse(uint32_t nf) noexcept {
  const auto found = std::find_if(asleep_.begin(), asleep_.end(), [nf](const auto* burst) { return burst->nf == nf; });
  if (found == asleep_.end()) return;
  (*found)->resume_tsc = 0;
  std::make_heap(asleep_.begin(), asleep_.end(), kLater);
}

std::optional<std::string> Worker::wait_message_us(uint64_t us) noexcept {
  const Inside inside(*this);
  if (!inside.driver()) return {};
  const uint32_t nf = running_.load(std::memory_order_relaxed)->nf;
  NfEvents* waits = nullptr;
  try {
    waits = &events();
  } catch (const std::exception&) {
    return {};
  }
  auto message = waits->take_own(nf, us != 0);
  if (message || us == 0) return message;
  suspend(std::max<uint64_t>(tsc_now() + clock_.from_us(us), 1));
  return waits->take_own(nf, false);
}

}  // namespace roost

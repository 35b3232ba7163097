// SPDX-License-Identifier: BSD-3-Clause
// NFs that yield or sleep inside process(): the fiber with the NF's stack waits, and the worker goes on with another.
#include <algorithm>
#include <exception>
#include <utility>

#include "nflib/worker.h"

namespace roost {
namespace {

constexpr auto kLater = [](const auto* a, const auto* b) { return a->resume_tsc > b->resume_tsc; };

}  // namespace

void Worker::yield() noexcept { suspend(0); }

void Worker::sleep_for_us(uint64_t us) noexcept { suspend(tsc_now() + clock_.from_us(us)); }

void Worker::suspend(uint64_t resume_tsc) noexcept {
  const Inside inside(*this);
  if (!inside.driver()) return;
  Dispatch& burst = *running_.load(std::memory_order_relaxed);
  Fiber* const other = other_driver();
  if (other == nullptr) return;  // no memory for a stack: the NF goes on without having waited
  NfRecord& record = region_.nf(burst.nf);
  const uint64_t cycles = charge(record, 0, fair_);
  if (fair_) drr_.charge(turns_[burst.nf].credit, 0, cycles);
  report_.busy_cycles.store(report_.busy_cycles.load(std::memory_order_relaxed) + cycles, std::memory_order_relaxed);
  // To whoever looks for dispatches that don't end, each stretch between two waits is one.
  report_.dispatches.store(report_.dispatches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  report_.current_nf.store(UINT32_MAX, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (burst.asked.exchange(false, std::memory_order_relaxed)) answer_overrun();  // with: it has ended
  running_.store(nullptr, std::memory_order_relaxed);
  burst.resume_tsc = resume_tsc;
  burst.fiber = driver_;
  if (resume_tsc == 0) {
    yielded_.push_back(&burst);
  } else {
    asleep_.push_back(&burst);
    std::push_heap(asleep_.begin(), asleep_.end(), kLater);
  }
  record.state.store(kNfSuspended, std::memory_order_relaxed);
  queue_rest(burst);
  driver_ = other;
  switch_to(*burst.fiber, *driver_);
  // Here again: whoever resumed us has made this fiber the driver.
  running_.store(&burst, std::memory_order_relaxed);
  report_.current_nf.store(burst.nf, std::memory_order_relaxed);
  // Each NF that waits has a stack of its own; when many have waited at once, theirs come back here.
  while (parked_.size() > kSpareStacks) {
    fibers_->give_back(parked_.back());
    parked_.pop_back();
  }
  record.state.store(kNfReady, std::memory_order_relaxed);
  if (NfEvents* const events = events_.load(std::memory_order_acquire)) events->resume(burst.nf);
  stalled_ -= burst.stalled;
  burst.stalled = 0;
  queue_again(burst.nf);  // what came in the meantime rang no bell that is still to be heard
  last_tsc_ = tsc_now();
}

// A burst that waits, or is lost, at whichever hop, holds up nothing that waits for the NF whose turn it was.
void Worker::queue_rest(Dispatch& burst) noexcept {
  if (std::exchange(burst.more, false)) queue_again(burst.entry);
}

Fiber* Worker::other_driver() noexcept {
  if (!parked_.empty()) {
    Fiber* const parked = parked_.back();
    parked_.pop_back();
    return parked;
  }
  try {
    return fibers_->take(&Worker::enter, this);
  } catch (const std::exception&) {
    return nullptr;
  }
}

// The calling driver parks; the NF's fiber goes on, finishes its burst and then drives in its place.
void Worker::resume(Dispatch& burst) noexcept {
  Fiber* const here = driver_;
  parked_.push_back(here);
  driver_ = burst.fiber;
  switch_to(*here, *driver_);
}

// One NF whose time has come, if there is one. Between two batches not without end: others have their turns, too.
bool Worker::resume_sleeper() noexcept {
  if (resumes_left_ == 0 || asleep_.empty() || asleep_.front()->resume_tsc > tsc_now()) return false;
  --resumes_left_;
  std::pop_heap(asleep_.begin(), asleep_.end(), kLater);
  Dispatch* const burst = asleep_.back();
  asleep_.pop_back();
  resume(*burst);
  return true;
}

// One that has yielded lets a whole round of the others go first.
bool Worker::resume_yielded() noexcept {
  if (yielded_.empty()) return false;
  Dispatch* const burst = yielded_.front();
  yielded_.erase(yielded_.begin());
  refill();
  resume(*burst);
  return true;
}

uint64_t Worker::next_resume_tsc() const noexcept {
  if (!yielded_.empty()) return 0;
  const uint64_t resume_tsc = asleep_.empty() ? UINT64_MAX : asleep_.front()->resume_tsc;
  return std::min(resume_tsc, next_event_tsc());
}

// A suspended NF has packets. They stay where they are and don't keep the worker awake.
void Worker::note_stalled(uint32_t nf) noexcept {
  const auto of_nf = [nf](const Dispatch* burst) { return burst->nf == nf; };
  auto found = std::find_if(asleep_.begin(), asleep_.end(), of_nf);
  if (found == asleep_.end()) {
    found = std::find_if(yielded_.begin(), yielded_.end(), of_nf);
    if (found == yielded_.end()) return;
  }
  const uint32_t count = waiting_.of(nf).packets;
  stalled_ += count - (*found)->stalled;
  (*found)->stalled = count;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// NFs that don't come back from process(): their thread leaves the worker to another one. runaway.h tells the story.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "core/error.h"
#include "nflib/worker.h"

namespace roost {
namespace {

constexpr std::chrono::microseconds kLook{100};
constexpr uint64_t kLookForRunaways_us = 100'000;

void fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

Descriptor returned(const Descriptor& came) noexcept {
  Descriptor d = came;
  d.word = unseen().word;
  d.flags = came.flags & Descriptor::kMoreSegments;
  return d;
}

}  // namespace

constinit thread_local std::atomic<Runaway*> Worker::runaway_{nullptr};

void Worker::install_overrun_handler() {
  struct sigaction action {};
  action.sa_handler = &Worker::on_signal;
  action.sa_flags = SA_RESTART;
  if (sigaction(Runaway::signal_number(), &action, nullptr) != 0) fail_errno("overrun: sigaction");
}

// From here on to the end of park(): on the worker's thread, or one that was, between any two of its instructions.
void Worker::on_signal(int) noexcept {
  const int saved = errno;
  if (Runaway* const runaway = runaway_.load(std::memory_order_relaxed))
    runaway->park();
  else if (Worker* const worker = current())
    worker->answer_overrun();
  errno = saved;
}

// Asked, the thread leaves the worker where nothing of the worker's is half done: in the NF's own code.
void Worker::answer_overrun() noexcept {
  Runaway* const asked = asked_.load(std::memory_order_acquire);
  if (asked == nullptr) return;
  const auto answer = [asked](uint32_t state) {
    uint32_t expected = RunawayState::kAsked;
    return asked->state.compare_exchange_strong(expected, state, std::memory_order_acq_rel);
  };
  Dispatch* const burst = running_.load(std::memory_order_relaxed);
  const bool same = report_.current_nf.load(std::memory_order_relaxed) == asked->nf &&
                    report_.dispatches.load(std::memory_order_relaxed) == asked->dispatches && burst != nullptr;
  const Where where = same ? burst->where.load(std::memory_order_relaxed) : Where::outside;
  if (where == Where::outside) {
    answer(RunawayState::kEnded);  // and the request may be gone
    return;
  }
  if (where == Where::library) return burst->asked.store(true, std::memory_order_relaxed);
  asked->dispatch = burst;
  asked->fiber = driver_;
  asked->home = home_;
  asked->siblings = &runaways_;
  if (!answer(RunawayState::kTaken)) return;
  // Nothing of the worker's is this thread's any more.
  burst->lost.store(true, std::memory_order_relaxed);
  current_.store(nullptr, std::memory_order_relaxed);
  runaway_.store(asked, std::memory_order_relaxed);
  asked->park();
}

Worker::Inside::Inside(Worker& worker) noexcept : worker_(worker) {
  if (current() != &worker) return;
  Dispatch* const burst = worker.running_.load(std::memory_order_relaxed);
  fence();
  if (current() != &worker) return;  // lost in between, and the burst was another thread's
  driver_ = true;
  if (burst == nullptr) return;
  before_ = burst->where.load(std::memory_order_relaxed);
  burst->where.store(Where::library, std::memory_order_relaxed);
  fence();
  if (!burst->lost.load(std::memory_order_relaxed)) {
    burst_ = burst;
    return;
  }
  burst->where.store(before_, std::memory_order_relaxed);
  driver_ = false;
}

Worker::Inside::~Inside() {
  if (burst_ == nullptr) return;
  fence();
  burst_->where.store(before_, std::memory_order_relaxed);
  fence();
  if (before_ == Where::nf && burst_->asked.load(std::memory_order_relaxed)) [[unlikely]] {
    burst_->asked.store(false, std::memory_order_relaxed);
    worker_.answer_overrun();
  }
}

// The NF has come back to a thread that has lost the worker. On to that thread's own stack; the fiber is left for good.
void Worker::surrender() noexcept {
  Runaway& lost = *runaway_.load(std::memory_order_relaxed);
  lost.stop_parking();
  switch_to(*lost.fiber, *lost.home);
  std::abort();
}

Worker::Answer Worker::ask_to_leave(Runaway& runaway, std::chrono::milliseconds patience) {
  if (report_.current_nf.load(std::memory_order_relaxed) != runaway.nf ||
      report_.dispatches.load(std::memory_order_relaxed) != runaway.dispatches)
    return Answer::ended;
  asked_.store(&runaway, std::memory_order_release);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  if (syscall(SYS_tgkill, getpid(), thread_id(), Runaway::signal_number()) != 0) {
    asked_.store(nullptr, std::memory_order_relaxed);
    fail_errno("overrun: cannot signal thread {}", thread_id());
  }
  uint32_t state;
  while ((state = runaway.state.load(std::memory_order_acquire)) == RunawayState::kAsked &&
         std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(kLook);
  asked_.store(nullptr, std::memory_order_release);
  if (state == RunawayState::kAsked &&
      runaway.state.compare_exchange_strong(state, RunawayState::kWithdrawn, std::memory_order_acq_rel))
    return Answer::late;
  return state == RunawayState::kTaken ? Answer::taken : Answer::ended;
}

// On the spare thread, which is the worker's from here on. The other one is in the middle of process(), as if that NF
// had gone to sleep there.
Worker::Ended Worker::take_over(Runaway& runaway) {
  NfRecord& record = region_.nf(runaway.nf);
  thread_id_.store(gettid(), std::memory_order_release);
  runaways_.fetch_add(1, std::memory_order_relaxed);
  stolen_.forget();  // that was the other thread's time
  const uint64_t cycles = charge(record, 0, fair_);
  report_.busy_cycles.store(report_.busy_cycles.load(std::memory_order_relaxed) + cycles, std::memory_order_relaxed);
  record.state.store(kNfRunaway, std::memory_order_release);
  running_.store(nullptr, std::memory_order_relaxed);
  report_.current_nf.store(UINT32_MAX, std::memory_order_relaxed);
  report_.dispatches.store(report_.dispatches.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  Fiber* const driver = other_driver();
  if (driver == nullptr) fail("overrun: no memory for a stack to go on with");
  queue_again(runaway.nf);  // what waits for it goes back, in the next round
  queue_rest(*static_cast<Dispatch*>(runaway.dispatch));
  return drive_on(*driver);
}

// Bursts that have come back. Their NF has done its work, late: what it said counts.
void Worker::take_finished() noexcept {
  Runaway* runaway = finished_.exchange(nullptr, std::memory_order_acquire);
  while (runaway != nullptr) {
    Runaway* const following = runaway->next;
    auto& burst = *static_cast<Dispatch*>(runaway->dispatch);
    NfRecord& record = region_.nf(runaway->nf);
    record.packets.store(record.packets.load(std::memory_order_relaxed) + burst.count, std::memory_order_relaxed);
    for (uint32_t i = 0; i < burst.count; ++i) leave(burst, i, burst.packets[i].verdict);
    fibers_->give_back(runaway->fiber);
    record.state.store(kNfQuarantined, std::memory_order_release);
    runaways_.fetch_sub(1, std::memory_order_relaxed);
    runaway->finish();  // from here on it may be gone
    runaway = following;
  }
}

// To the manager, for whom these packets have not been seen by any NF.
void Worker::return_waiting(uint32_t nf) noexcept {
  return_queue(nf);
  NfRecord& record = region_.nf(nf);
  PacketQueue& queue = waiting_.of(nf);
  const uint32_t segments = queue.segments;
  taken_ += queue.packets;
  while (queue.segments != 0) push_out(returned(waiting_.pop(queue)));
  record.consumed.store(record.consumed.load(std::memory_order_relaxed) + segments, std::memory_order_release);
}

// What waits for it between two hops: as if it had gone.
void Worker::return_queue(uint32_t nf) noexcept {
  for (QueuedHop hop; queues_.pop(nf, hop);) emit(hop.packet, next().with_hops(hop.hops));
}

// A runaway's end rings no bell. A worker that sleeps looks now and then.
uint64_t Worker::look_for_runaways_tsc() const noexcept {
  if (runaways_.load(std::memory_order_relaxed) == 0) return UINT64_MAX;
  return tsc_now() + clock_.from_us(kLookForRunaways_us);
}

Worker::Return Worker::bring_back(uint32_t nf, std::chrono::milliseconds patience) {
  Return found = Return::late;
  const auto look = [&] {
    NfRecord& record = region_.nf(nf);
    const uint32_t state = record.state.load(std::memory_order_relaxed);
    found = state == kNfQuarantined ? Return::done : state == kNfRunaway ? Return::runs : Return::not_quarantined;
    if (found != Return::done) return;
    record.state.store(kNfReady, std::memory_order_release);
    if (NfEvents* const events = events_.load(std::memory_order_acquire)) events->resume(nf);
    queue_again(nf);
  };
  const auto give_up = std::chrono::steady_clock::now() + patience;
  do {
    errand_.have_done(
        look, [this] { bell_.unblock(bell_.mode()); }, patience);
    // It may have come back a moment ago, and the worker asleep not have looked yet.
    if (found != Return::runs || finished_.load(std::memory_order_relaxed) == nullptr) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < give_up);
  return found;
}

}  // namespace roost

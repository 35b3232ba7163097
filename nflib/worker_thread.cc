// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/worker_thread.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "core/error.h"
#include "core/thread_order.h"
#include "core/thread_state.h"
#include "nflib/crash_handler.h"
#include "nflib/eal_shim.h"

namespace roost {
namespace {

// NFs run on fibers; this stack only holds the thread's own first frames, and thread-local storage.
constexpr size_t kStackBytes = 128 << 10;
constexpr long kTurn_ns = 10'000'000;

std::chrono::nanoseconds process_ran() {
  timespec ran{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ran);
  return std::chrono::seconds(ran.tv_sec) + std::chrono::nanoseconds(ran.tv_nsec);
}

timespec in_a_turn() {
  timespec when{};
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += kTurn_ns;
  if (when.tv_nsec >= 1'000'000'000) ++when.tv_sec, when.tv_nsec -= 1'000'000'000;
  return when;
}

}  // namespace

WorkerThread::WorkerThread(Worker& worker, int core) : worker_(worker), core_(core) { start_thread(); }

void WorkerThread::start_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  // A spare one goes to its core by itself: when NFs are there, no thread may move another.
  if (core_ >= 0 && threads_.empty()) {
    CPU_SET(static_cast<size_t>(core_), &cores);
    pthread_attr_setaffinity_np(&attributes, sizeof cores, &cores);
  }
  pthread_t thread{};
  threads_.reserve(threads_.size() + 1);
  const int error = pthread_create(&thread, &attributes, live, this);
  pthread_attr_destroy(&attributes);
  if (error == 0) return threads_.push_back(thread);
  errno = error;
  if (core_ >= 0)
    fail_errno("worker: cannot run on core {}; name one that this machine has and this process may use", core_);
  fail_errno("worker: cannot start its thread");
}

void* WorkerThread::live(void* self) {
  order_thread(0, ThreadOrder::in_turns);  // who runs next is for the manager to say
  const SignalStack stack;
  const EalThread lcore;  // DPDK's libraries index by it in what NFs call
  static_cast<WorkerThread*>(self)->work();
  return nullptr;
}

void WorkerThread::work() noexcept {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !std::exchange(started_, true);
  }
  const auto drives = [this](Worker::Ended ended) {  // false: the worker is at its end
    while (ended == Worker::Ended::stopped) {
      if (!rest()) return false;
      ended = worker_.run_on();
    }
    return true;
  };
  if (first && !drives(worker_.run())) return;
  if (!first) go_to_core();
  while (Runaway* const runaway = wait_for_call())
    if (!drives(worker_.take_over(*runaway))) return;
}

// The thread's part of rest_within(): what NFs have kept of its storage stays where it is. False: it is the end.
bool WorkerThread::rest() noexcept {
  std::unique_lock lock(mutex_);
  rests_ = true;
  rested_.notify_all();
  called_.wait(lock, [this] { return ending_ || !to_rest_; });
  rests_ = false;
  return !ending_;
}

bool WorkerThread::rest_within(Doorbell& bell, std::chrono::milliseconds patience, std::chrono::milliseconds most) {
  const auto began = std::chrono::steady_clock::now();
  const auto ran_before = process_ran();
  const auto gives_up = [&] {
    const auto waited = std::chrono::steady_clock::now() - began;
    if (waited < patience) return false;
    return waited >= most || process_ran() - ran_before >= patience / 2 ||
           !wants_processor(getpid(), worker_.thread_id());
  };
  std::unique_lock lock(mutex_);
  to_rest_ = true;
  while (!rests_) {
    if (gives_up()) return false;
    worker_.stop();
    // It may be asleep, and the manager, whose part this is, is gone. Again each turn: it may just fall asleep.
    bell.park();
    if (bell.release()) bell.unblock(bell.mode());
    rested_.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

void WorkerThread::go_on() noexcept {
  {
    const std::lock_guard lock(mutex_);
    to_rest_ = false;
    if (!ending_) worker_.stop(false);
  }
  called_.notify_all();
}

// Where the worker is. Where its core has vanished, the thread runs anywhere.
void WorkerThread::go_to_core() const noexcept {
  const int core = worker_.cpu() >= 0 && worker_.cpu() < CPU_SETSIZE ? worker_.cpu() : core_;
  if (core < 0) return;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(core), &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

// A spare thread's wait. Null: the worker ends.
Runaway* WorkerThread::wait_for_call() noexcept {
  std::unique_lock lock(mutex_);
  ++spare_;
  called_.wait(lock, [this] { return to_replace_ != nullptr || ending_; });
  --spare_;
  return std::exchange(to_replace_, nullptr);
}

void WorkerThread::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  called_.notify_all();
  worker_.stop();
}

WorkerThread::~WorkerThread() {
  if (threads_.empty()) return;
  end();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

bool WorkerThread::stop_within(Doorbell& bell, std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  end();
  while (!threads_.empty() && std::chrono::steady_clock::now() < give_up) {
    // It may be asleep, and the manager, whose part this is, may be gone. Again each turn: it may just fall asleep.
    bell.park();
    if (bell.release()) bell.unblock(bell.mode());
    const timespec until = in_a_turn();
    // The last is the worker's, or the first to come to its end.
    if (pthread_timedjoin_np(threads_.back(), nullptr, &until) == 0)
      threads_.pop_back();
    else
      std::rotate(threads_.begin(), threads_.end() - 1, threads_.end());
  }
  return threads_.empty();
}

Worker::Answer WorkerThread::take_from(uint32_t nf, uint64_t dispatches, std::chrono::milliseconds patience) {
  std::erase_if(runaways_, [](const auto& runaway) { return runaway->over(); });
  // Whoever can't go on with another thread must not take the worker from this one.
  bool has_spare = false;
  {
    const std::lock_guard lock(mutex_);
    has_spare = spare_ != 0;
  }
  if (!has_spare) start_thread();
  auto made = std::make_unique<Runaway>(worker_.thread_id(), nf, dispatches);
  Runaway& runaway = *made;
  const Worker::Answer answer = worker_.ask_to_leave(runaway, patience);
  if (answer == Worker::Answer::ended) return answer;
  runaways_.push_back(std::move(made));
  if (answer == Worker::Answer::late) return answer;
  {
    const std::lock_guard lock(mutex_);
    to_replace_ = &runaway;
  }
  called_.notify_one();
  return answer;
}

}  // namespace roost

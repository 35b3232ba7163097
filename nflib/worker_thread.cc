// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/worker_thread.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "core/error.h"
#include "nflib/eal_shim.h"

namespace roost {
namespace {

// NFs run on fibers; this stack only holds the thread's own first frames, and thread-local storage.
constexpr size_t kStackBytes = 128 << 10;
constexpr long kTurn_ns = 10'000'000;
constexpr uint64_t kSlice_ns = 100'000;  // the least that the kernel takes

// As the kernel lays it out (sched_setattr(2)); the C library has no name for it yet.
struct SchedulingOfThread {
  uint32_t size = sizeof(SchedulingOfThread);
  uint32_t policy = SCHED_BATCH;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0, deadline_ns = 0, period_ns = 0;
};

// Woken, a worker takes the core when it is free, not from one in the middle of its packets: who runs next is for the
// manager to say. The kernel counts for itself who had too much, and what a worker gives up by yielding it counts as
// had, a whole slice of it; with a short slice it forgets soon. (Kernels before 6.12 ignore the slice.)
void take_turns() {
  SchedulingOfThread scheduling;
  scheduling.nice = getpriority(PRIO_PROCESS, 0);
  scheduling.runtime_ns = kSlice_ns;
  if (syscall(SYS_sched_setattr, 0, &scheduling, 0) == 0) return;
  const sched_param batch{};
  sched_setscheduler(0, SCHED_BATCH, &batch);
}

void* run_worker(void* worker) {
  take_turns();
  const EalThread lcore;  // DPDK's libraries index by it in what NFs call
  static_cast<Worker*>(worker)->run();
  return nullptr;
}

timespec in_a_turn() {
  timespec when{};
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += kTurn_ns;
  if (when.tv_nsec >= 1'000'000'000) ++when.tv_sec, when.tv_nsec -= 1'000'000'000;
  return when;
}

}  // namespace

WorkerThread::WorkerThread(Worker& worker, int core) : worker_(worker) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (core >= 0) {
    CPU_SET(static_cast<size_t>(core), &cores);
    pthread_attr_setaffinity_np(&attributes, sizeof cores, &cores);
  }
  const int error = pthread_create(&thread_, &attributes, run_worker, &worker_);
  pthread_attr_destroy(&attributes);
  if (error == 0) return;
  errno = error;
  if (core >= 0)
    fail_errno("worker: cannot run on core {}; name one that this machine has and this process may use", core);
  fail_errno("worker: cannot start its thread");
}

WorkerThread::~WorkerThread() {
  if (joined_) return;
  worker_.stop();
  pthread_join(thread_, nullptr);
}

bool WorkerThread::stop_within(Doorbell& bell, std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  worker_.stop();
  while (!joined_ && std::chrono::steady_clock::now() < give_up) {
    // It may be asleep, and the manager, whose part this is, may be gone. Again each turn: it may just fall asleep.
    bell.park();
    if (bell.release()) bell.unblock(bell.mode());
    const timespec until = in_a_turn();
    joined_ = pthread_timedjoin_np(thread_, nullptr, &until) == 0;
  }
  return joined_;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/thread_order.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

namespace roost {
namespace {

// The kernel counts for itself who had too much, and what a thread gives up by yielding it counts as had, a whole slice
// of it; with a short slice it forgets soon. (Kernels before 6.12 ignore the slice.)
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

}  // namespace

bool order_thread(pid_t thread, ThreadOrder order) noexcept {
  const sched_param none{};
  if (order == ThreadOrder::last) return sched_setscheduler(thread, SCHED_IDLE, &none) == 0;
  SchedulingOfThread scheduling;
  scheduling.nice = getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
  scheduling.runtime_ns = kSlice_ns;
  return syscall(SYS_sched_setattr, thread, &scheduling, 0) == 0 || sched_setscheduler(thread, SCHED_BATCH, &none) == 0;
}

bool can_take_last_back() {
  bool can = false;
  std::thread([&can] { can = order_thread(0, ThreadOrder::last) && order_thread(0, ThreadOrder::in_turns); }).join();
  return can;
}

}  // namespace roost

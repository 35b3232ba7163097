// SPDX-License-Identifier: BSD-3-Clause
#if defined(__SANITIZE_THREAD__)
#define RTE_USE_C11_MEM_MODEL 1  // on x86, rte_ring has compiler barriers where the sanitizer would see atomics
#endif
#include "scheduler/wake_thread.h"

#include <pthread.h>
#include <rte_errno.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "core/clock.h"
#include "core/error.h"

namespace roost {
namespace {

struct Wake {
  Doorbell* bell;
  WaitMode mode;
  uint32_t reserved;
};

}  // namespace

WakeThread::WakeThread(int core)
    : ring_(rte_ring_create_elem("roost-wakes", sizeof(Wake), 4096, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)) {
  if (ring_ == nullptr) fail("wake core {}: no memory for its queue: {}", core, rte_strerror(rte_errno));
  thread_ = std::thread([this] { run(); });
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  if (pthread_setaffinity_np(thread_.native_handle(), sizeof set, &set) == 0) return;
  stopping_ = true;
  thread_.join();
  rte_ring_free(ring_);
  fail("wake core {}: this process may not run there", core);
}

WakeThread::~WakeThread() {
  stopping_ = true;
  thread_.join();
  rte_ring_free(ring_);
}

bool WakeThread::hand_over(Doorbell& bell, WaitMode mode) noexcept {
  Wake wake{&bell, mode, 0};
  if (rte_ring_sp_enqueue_elem(ring_, &wake, sizeof wake) != 0) return false;
  ++handed_over_;
  return true;
}

void WakeThread::run() noexcept {
  pthread_setname_np(pthread_self(), "roost-wake");
  while (!stopping_.load(std::memory_order_relaxed)) {
    Wake wake{};
    if (rte_ring_sc_dequeue_elem(ring_, &wake, sizeof wake) != 0) {
      cpu_pause();
      continue;
    }
    wake.bell->unblock(wake.mode);
    rung_.store(rung_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
}

}  // namespace roost

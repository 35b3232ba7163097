// SPDX-License-Identifier: BSD-3-Clause
#if defined(__SANITIZE_THREAD__)
#define RTE_USE_C11_MEM_MODEL 1  // on x86, rte_ring has compiler barriers where the sanitizer would see atomics
#endif
#include "scheduler/wake_thread.h"

#include <fmt/format.h>
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

WakeThread::Queue::Queue(const std::string& name)
    : ring(rte_ring_create_elem(name.c_str(), sizeof(Wake), 4096, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)) {
  if (ring == nullptr) fail("queue '{}': no memory for it: {}", name, rte_strerror(rte_errno));
}

WakeThread::Queue::~Queue() { rte_ring_free(ring); }

WakeThread::WakeThread(int core, uint32_t loops) {
  for (uint32_t loop = 0; loop < loops; ++loop)
    queues_.push_back(std::make_unique<Queue>(fmt::format("roost-wakes-{}", loop)));
  thread_ = std::thread([this] { run(); });
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  if (pthread_setaffinity_np(thread_.native_handle(), sizeof set, &set) == 0) return;
  stopping_ = true;
  thread_.join();
  fail("wake core {}: this process may not run there", core);
}

WakeThread::~WakeThread() {
  stopping_ = true;
  thread_.join();
}

bool WakeThread::hand_over(Doorbell& bell, WaitMode mode, uint32_t loop) noexcept {
  Wake wake{&bell, mode, 0};
  if (rte_ring_sp_enqueue_elem(queues_[loop]->ring, &wake, sizeof wake) != 0) return false;
  ++queues_[loop]->handed_over;
  return true;
}

bool WakeThread::ring_next(Queue& queue) noexcept {
  Wake wake{};
  if (rte_ring_sc_dequeue_elem(queue.ring, &wake, sizeof wake) != 0) return false;
  wake.bell->unblock(wake.mode);
  queue.rung.store(queue.rung.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return true;
}

void WakeThread::run() noexcept {
  pthread_setname_np(pthread_self(), "roost-wake");
  while (!stopping_.load(std::memory_order_relaxed)) {
    bool rang = false;
    for (auto& queue : queues_) rang |= ring_next(*queue);
    if (!rang) cpu_pause();
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The kernel's part of a wake-up, on a core of its own: loops decide and hand bells over, each by a queue of its own,
// and this thread makes the system calls (some 2 µs each).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/doorbell.h"

struct rte_ring;

namespace roost {

class WakeThread {
 public:
  explicit WakeThread(int core, uint32_t loops = 1);  // throws Error
  ~WakeThread();
  WakeThread(const WakeThread&) = delete;
  WakeThread& operator=(const WakeThread&) = delete;

  // A loop. False: its queue is full; the caller wakes by itself.
  bool hand_over(Doorbell& bell, WaitMode mode, uint32_t loop = 0) noexcept;
  // A loop. How many bells it has handed over; and whether the first so many are rung: from then on their memory may
  // go.
  uint64_t handed_over(uint32_t loop = 0) const noexcept { return queues_[loop]->handed_over; }
  bool has_rung(uint64_t count, uint32_t loop = 0) const noexcept {
    return queues_[loop]->rung.load(std::memory_order_acquire) >= count;
  }

 private:
  struct Queue {
    explicit Queue(const std::string& name);
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    rte_ring* ring;
    uint64_t handed_over = 0;  // the loop's
    alignas(64) std::atomic<uint64_t> rung{0};
  };
  void run() noexcept;
  static bool ring_next(Queue& queue) noexcept;

  std::vector<std::unique_ptr<Queue>> queues_;  // by loop
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The kernel's part of a wake-up, on a core of its own: the loop decides and hands bells over, this thread makes the
// system calls (some 2 µs each).
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "core/doorbell.h"

struct rte_ring;

namespace roost {

class WakeThread {
 public:
  explicit WakeThread(int core);  // throws Error
  ~WakeThread();
  WakeThread(const WakeThread&) = delete;
  WakeThread& operator=(const WakeThread&) = delete;

  // The loop. False: the queue is full; the caller wakes by itself.
  bool hand_over(Doorbell& bell, WaitMode mode) noexcept;
  // The loop. How many bells were handed over; and whether the first so many are rung: from then on their memory may
  // go.
  uint64_t handed_over() const noexcept { return handed_over_; }
  bool has_rung(uint64_t count) const noexcept { return rung_.load(std::memory_order_acquire) >= count; }

 private:
  void run() noexcept;

  rte_ring* ring_;
  uint64_t handed_over_ = 0;  // the loop's
  std::atomic<uint64_t> rung_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace roost

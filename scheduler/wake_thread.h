// SPDX-License-Identifier: BSD-3-Clause
// The kernel's part of a wake-up, on a core of its own: the loop decides and hands bells over, this thread makes the
// system calls (some 2 µs each).
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <thread>

#include "core/doorbell.h"

namespace roost {

class WakeThread {
 public:
  explicit WakeThread(int core);  // throws Error
  ~WakeThread();
  WakeThread(const WakeThread&) = delete;
  WakeThread& operator=(const WakeThread&) = delete;

  // The loop. False: the queue is full; the caller wakes by itself.
  bool hand_over(Doorbell& bell) noexcept { return rte_ring_sp_enqueue(ring_, &bell) == 0; }

 private:
  void run() noexcept;

  rte_ring* ring_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace roost

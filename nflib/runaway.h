// SPDX-License-Identifier: BSD-3-Clause
// A thread that loses its worker: a dispatch goes on and on, and a spare thread is to drive the worker's other NFs.
//
//   1. The control thread asks: it makes a Runaway, shows it to the worker and signals the worker's thread.
//   2. That thread answers, from the signal's handler: `ended` where the dispatch is over, or `taken` where it is in
//      the NF's code. In the middle of a call into the library it answers as soon as the call is through.
//   3. From `taken` on the worker is the spare thread's. To the library, the runaway thread is a foreign one: it gets
//      no packets, what it frees goes by the returned list, and it neither yields nor sends.
//   4. The handler parks the thread, and lets it run for a moment now and then, so that locks which the NF holds are
//      released. A timer of the thread's own ends each such moment.
//   5. When process() returns, the thread leaves the fiber, and hands it back with the burst.
//
// Nothing is taken from a thread: it gives, by itself, where nothing of the worker's is half done. So the packet path
// needs no atomic operation for it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>

#include "nflib/fiber.h"

namespace roost {

struct RunawayState {
  enum Word : uint32_t { kAsked, kEnded, kTaken, kWithdrawn };
};

// One request, and what became of it. The control thread makes it, for one thread and one dispatch of its, and keeps it
// until it is over(); one that was withdrawn it keeps for good, since the handler may still be about to look.
class Runaway {
 public:
  // Throws Error where the kernel gives no timer.
  Runaway(pid_t thread, uint32_t nf, uint64_t dispatches);
  ~Runaway();
  Runaway(const Runaway&) = delete;
  Runaway& operator=(const Runaway&) = delete;

  // Which dispatch is meant: as the worker's report says it.
  const uint32_t nf;
  const uint64_t dispatches;
  std::atomic<uint32_t> state{RunawayState::kAsked};

  // The runaway thread writes these before `taken`.
  void* dispatch = nullptr;
  Fiber* fiber = nullptr;                           // that it is on
  Fiber* home = nullptr;                            // its own stack
  const std::atomic<uint32_t>* siblings = nullptr;  // how many such threads the worker has

  Runaway* next = nullptr;  // in the worker's list of those that have come back

  // On the runaway thread, also in its signal handler: a pause, then a moment in which it may run.
  void park() noexcept;
  void stop_parking() noexcept { parks_.store(false, std::memory_order_relaxed); }
  // The worker has the burst and the fiber; nobody looks here any more.
  void finish() noexcept { over_.store(true, std::memory_order_release); }
  bool over() const noexcept { return over_.load(std::memory_order_acquire); }

  // The signal that asks; the first of the kernel's real-time signals that programs seldom use.
  static int signal_number() noexcept;

 private:
  timer_t timer_{};
  uint32_t pause_us_;
  std::atomic<bool> parks_{true};
  std::atomic<bool> over_{false};
};

}  // namespace roost

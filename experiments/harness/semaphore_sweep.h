// SPDX-License-Identifier: BSD-3-Clause
// Baseline "semaphore per NF, threshold 1, sweep over all": openNetVM's shared-core mode. A process for each NF on one
// core, two rings each, a POSIX semaphore it sleeps on; the manager, on another core, moves packets from NF to NF and
// sweeps over all of them to post the semaphores of those that have a packet. Baseline "poll and sched_yield" is the
// same but for the semaphores: an NF without packets yields, and looks again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace roost::experiment {

class SemaphoreSweep {
 public:
  enum class Shape { chain, beside_each_other };  // beside each other: a packet goes to one of them at random
  enum class Wait { semaphore, yield };
  explicit SemaphoreSweep(uint32_t nfs, Shape shape = Shape::chain, Wait wait = Wait::semaphore,
                          uint64_t cost_cycles = 0);
  ~SemaphoreSweep();
  SemaphoreSweep(const SemaphoreSweep&) = delete;
  SemaphoreSweep& operator=(const SemaphoreSweep&) = delete;

  // Packets a second that come out with so many in flight, or, with a rate, at most that many a second; on the calling
  // thread.
  double rate_over(double seconds, uint32_t window, double warm_up_seconds = 0.02, double rate_pps = 0);
  const std::vector<pid_t>& pids() const { return children_; }

 private:
  struct Nf;

  [[noreturn]] static void run_nf(Nf& nf, uint8_t* packets, Wait wait, uint64_t cost_cycles);
  void enter(uint32_t packet) noexcept;
  uint64_t turn() noexcept;

  uint32_t count_;
  Shape shape_;
  Wait wait_;
  uint64_t random_ = 1;
  std::vector<uint32_t> outside_;  // packets that are not on their way
  Nf* nfs_;
  uint8_t* packets_;
  std::vector<pid_t> children_;
};

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Baseline "semaphore per NF, threshold 1, sweep over all": openNetVM's shared-core mode. A process for each NF on one
// core, two rings each, a POSIX semaphore it sleeps on; the manager, on another core, moves packets from NF to NF and
// sweeps over all of them to post the semaphores of those that have a packet.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace roost::experiment {

class SemaphoreSweep {
 public:
  explicit SemaphoreSweep(uint32_t nfs);
  ~SemaphoreSweep();
  SemaphoreSweep(const SemaphoreSweep&) = delete;
  SemaphoreSweep& operator=(const SemaphoreSweep&) = delete;

  // Packets a second through the whole chain with so many in flight; on the calling thread.
  double rate_over(double seconds, uint32_t window, double warm_up_seconds = 0.02);

 private:
  struct Nf;

  [[noreturn]] static void run_nf(Nf& nf, uint8_t* packets);
  uint64_t turn() noexcept;

  uint32_t count_;
  Nf* nfs_;
  uint8_t* packets_;
  std::vector<pid_t> children_;
};

}  // namespace roost::experiment

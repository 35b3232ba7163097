// SPDX-License-Identifier: BSD-3-Clause
// Baseline "semaphore per NF, threshold 1, sweep over all": openNetVM's shared-core mode. A process for each NF on one
// core, two rings each, a POSIX semaphore it sleeps on; the manager, on another core, receives, looks up flows, moves
// packets from NF to NF and sweeps over all of them to post the semaphores of those that have a packet. Ports, packets
// and flow table are those that Roost has beside it. Baseline "poll and sched_yield" is the same but for the
// semaphores: an NF without packets yields, and looks again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "core/flow_table.h"
#include "experiments/harness/window_port.h"
#include "scheduler/packet_pool.h"

namespace roost::experiment {

class SemaphoreSweep {
 public:
  enum class Wait { semaphore, yield };
  struct Options {
    uint32_t nfs = 1;
    bool chain = true;  // else they stand beside each other, and a flow belongs to one of them
    uint32_t flows = 1, flow_rows = 1 << 18;
    Wait wait = Wait::semaphore;
    uint64_t cost_cycles = 0;  // that an NF works on each packet, besides changing a byte of it
  };
  SemaphoreSweep(PacketPool& pool, const Options& options);
  ~SemaphoreSweep();
  SemaphoreSweep(const SemaphoreSweep&) = delete;
  SemaphoreSweep& operator=(const SemaphoreSweep&) = delete;

  // Packets a second that come out with so many in flight, or, with a rate, at most that many a second; on the calling
  // thread.
  double rate_over(double seconds, uint32_t window, double warm_up_seconds = 0.02, double rate_pps = 0);
  const std::vector<pid_t>& pids() const { return children_; }

 private:
  struct Nf;

  [[noreturn]] void run_nf(Nf& nf) const;
  void receive(WindowPort& port, uint16_t most) noexcept;
  uint64_t move_on(WindowPort& port) noexcept;
  void post() noexcept;

  PacketPool& pool_;
  const Options options_;
  FlowTable flows_;
  std::vector<rte_mbuf*> packet_of_;
  uint64_t in_flight_ = 0;
  Nf* nfs_;
  std::vector<pid_t> children_;
};

}  // namespace roost::experiment

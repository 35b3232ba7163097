// SPDX-License-Identifier: BSD-3-Clause
// Baseline "bare pipeline": receive → classify → one ring → one polling process → one ring → transmit. The same ports,
// packets, classification and ownership check, and no scheduler: what crossing a process costs.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "core/flow_table.h"
#include "core/port.h"
#include "scheduler/packet_pool.h"

namespace roost::experiment {

class BarePipeline {
 public:
  // The polling process works for `cost_cycles` on each packet, besides changing a byte of it.
  BarePipeline(PacketPool& pool, const PortConfig& generator, uint32_t flow_rows, uint64_t tsc_hz,
               uint64_t cost_cycles = 0);
  ~BarePipeline();
  BarePipeline(const BarePipeline&) = delete;
  BarePipeline& operator=(const BarePipeline&) = delete;

  // Its packets come from here from now on. The flow table keeps the flows that it has.
  void feed(const PortConfig& source);
  // On the calling thread, which should be on the io core.
  double rate_over(double seconds, double warm_up_seconds = 0.02);

 private:
  struct Ring;
  struct Shared;

  [[noreturn]] static void poll_packets(Shared& shared, uint64_t cost_cycles);
  void turn(bool receiving) noexcept;

  PacketPool& pool_;
  const uint64_t tsc_hz_;
  std::unique_ptr<Port> in_, out_;
  FlowTable flows_;
  std::vector<uint32_t> owner_;
  std::vector<rte_mbuf*> packet_of_;
  Shared* shared_;
  uint32_t produced_ = 0, collected_ = 0, consumed_seen_ = 0;
  uint64_t back_ = 0, out_with_child_ = 0;
  pid_t child_ = -1;
};

}  // namespace roost::experiment

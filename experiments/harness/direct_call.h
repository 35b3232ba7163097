// SPDX-License-Identifier: BSD-3-Clause
// Baseline "direct call": the NF's work in the receive loop itself, from the same port to the same sink. No flows, no
// process, no ring: the ceiling.
#pragma once

#include <rte_mbuf.h>

#include <memory>

#include "core/clock.h"
#include "core/port.h"
#include "examples/busy_work.h"
#include "experiments/harness/harness.h"
#include "scheduler/packet_pool.h"

namespace roost::experiment {

class DirectCall {
 public:
  DirectCall(PacketPool& pool, const PortConfig& source, uint64_t tsc_hz, uint64_t cost_cycles = 0)
      : in_(open_port(source, 0, pool.pool(), tsc_hz)),
        out_(open_port(PortConfig{}, 1, pool.pool(), tsc_hz)),
        steps_(busy_steps(cost_cycles)) {}

  // On the calling thread, which should be on the io core.
  double rate_over(double seconds) {
    const double began = seconds_now();
    uint64_t through = 0;
    double now = began;
    for (; now - began < seconds; now = seconds_now())
      for (int i = 0; i < 64; ++i) through += turn();
    return static_cast<double>(through) / (now - began);
  }

 private:
  static constexpr uint16_t kBurst = 32;

  uint64_t turn() noexcept {
    rte_mbuf* packets[kBurst];
    uint64_t stamps[kBurst];
    const uint16_t n = in_->receive(packets, stamps, kBurst, tsc_now());
    for (uint16_t i = 0; i < n; ++i) {
      *rte_pktmbuf_mtod(packets[i], uint8_t*) ^= 1;
      if (steps_ != 0) busy_work(steps_);
    }
    if (n != 0) out_->transmit(packets, n);
    return n;
  }

  std::unique_ptr<Port> in_, out_;
  uint64_t steps_;
};

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// A port that sends single packets at a steady pace, each with the moment at which it was received by the loop in it,
// and measures what the NF `lap` wrote: how long after that it was called.
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <cstring>
#include <string>

#include "core/clock.h"
#include "core/histogram.h"
#include "core/port.h"
#include "experiments/nfs/lap.h"

namespace roost::experiment {

class PulsePort final : public Port {
 public:
  PulsePort(std::string name, uint16_t index, rte_mempool* pool, double pulses_per_s, uint64_t tsc_hz)
      : Port(std::move(name), index),
        pool_(pool),
        period_(static_cast<uint64_t>(static_cast<double>(tsc_hz) / pulses_per_s)),
        next_(tsc_now()) {}

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override {
    if (count == 0 || now_tsc < next_) return 0;
    next_ = now_tsc + period_;  // not the one after the last: after a pause there is no burst
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    if (packet == nullptr) return 0;
    packet->data_len = 64;
    packet->pkt_len = 64;
    packet->port = index();
    auto* bytes = rte_pktmbuf_mtod(packet, std::byte*);
    std::memset(bytes, 0, 64);
    const Lap lap{now_tsc, 0};
    std::memcpy(bytes + kLapOffset, &lap, sizeof lap);
    packets[0] = packet;
    stamps_tsc[0] = now_tsc;
    counters_.received.add(1);
    return 1;
  }

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    for (uint16_t i = 0; i < count; ++i) {
      Lap lap;
      std::memcpy(&lap, rte_pktmbuf_mtod_offset(packets[i], std::byte*, kLapOffset), sizeof lap);
      if (lap.called_tsc > lap.received_tsc) to_call_.record(lap.called_tsc - lap.received_tsc);
    }
    discard(packets, count);
    return count;
  }

  uint64_t next_receive_tsc() const noexcept override { return next_; }

  // From reception to the call of the NF, TSC cycles.
  Histogram& to_call() noexcept { return to_call_; }

 private:
  rte_mempool* pool_;
  uint64_t period_, next_;
  Histogram to_call_;
};

}  // namespace roost::experiment

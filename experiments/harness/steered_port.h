// SPDX-License-Identifier: BSD-3-Clause
// A port whose packets another one makes as fast as they are taken, sent at a rate that can be changed: an open-loop
// schedule, with the time at which each packet was meant to be sent as its stamp. What is due and not taken is missed
// beyond a backlog, as by a NIC's ring.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "core/port.h"

namespace roost::experiment {

class SteeredPort final : public Port {
 public:
  SteeredPort(std::unique_ptr<Port> source, uint64_t tsc_hz, uint64_t backlog_packets)
      : Port(std::string(source->name()), source->index()),
        source_(std::move(source)),
        tsc_hz_(static_cast<double>(tsc_hz)),
        backlog_(backlog_packets) {}

  // The loop's thread, between two turns: from the next receive() on. 0: as fast as they are taken.
  void pace(double rate_pps) noexcept {
    cycles_a_packet_ = rate_pps > 0 ? tsc_hz_ / rate_pps : 0;
    start_tsc_ = taken_ = 0;
  }

  // The loop's thread, between two turns, with none of the old one's packets on their way: they come from another
  // port from now on. Returns the one that is no longer wanted.
  std::unique_ptr<Port> take_from(std::unique_ptr<Port> source) noexcept {
    source_.swap(source);
    return source;
  }

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override {
    if (cycles_a_packet_ == 0) {
      const uint16_t n = source_->receive(packets, stamps_tsc, count, now_tsc);
      std::fill_n(stamps_tsc, n, now_tsc);
      counters_.received.add(n);
      return n;
    }
    if (start_tsc_ == 0) start_tsc_ = now_tsc;
    const uint64_t due = 1 + static_cast<uint64_t>(static_cast<double>(now_tsc - start_tsc_) / cycles_a_packet_);
    if (due - taken_ > backlog_) {
      counters_.receive_dropped.missed.add(due - taken_ - backlog_);
      taken_ = due - backlog_;
    }
    const auto wanted = static_cast<uint16_t>(std::min<uint64_t>(due - taken_, count));
    if (wanted == 0) return 0;
    const uint16_t n = source_->receive(packets, stamps_tsc, wanted, now_tsc);
    for (uint16_t i = 0; i < n; ++i) stamps_tsc[i] = due_tsc(taken_ + i);
    taken_ += n;
    counters_.received.add(n);
    return n;
  }

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    discard(packets, count);
    return count;
  }

  uint64_t next_receive_tsc() const noexcept override {
    return cycles_a_packet_ == 0 || start_tsc_ == 0 ? 0 : due_tsc(taken_);
  }

 private:
  uint64_t due_tsc(uint64_t packet) const noexcept {
    return start_tsc_ + static_cast<uint64_t>(static_cast<double>(packet) * cycles_a_packet_);
  }

  std::unique_ptr<Port> source_;
  double tsc_hz_, cycles_a_packet_ = 0;
  uint64_t backlog_, start_tsc_ = 0, taken_ = 0;  // packets since the start, missed ones too
};

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// A port on a device of DPDK's: packets are received into the manager's own buffers, and sent from there, without a
// copy. It is polled; a loop with nothing to do sleeps until its interrupt, if it has one. Several loops can have a
// queue of it each; where the device can't share out what comes, the first one's receives it all and the others only
// send.
#pragma once

#include <memory>

#include "core/port.h"
#include "core/ports/ethdev.h"

namespace roost {

class EthdevPort final : public Port {
 public:
  // Throws Error.
  EthdevPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override;
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    return device_->transmit(queue_, packets, count, counters_);
  }
  uint64_t next_receive_tsc() const noexcept override { return receives_ ? 0 : kNeverTsc; }
  int wake_fd() const noexcept override { return device_->interrupt_fd(queue_); }
  bool arm() noexcept override { return device_->arm_interrupt(queue_); }
  void disarm() noexcept override { device_->disarm_interrupt(queue_); }
  LinkState link() const noexcept override { return device_->is_up() ? LinkState::up : LinkState::down; }
  void read_kernel_counts() noexcept override {
    if (queue_ == 0) counters_.receive_dropped.missed.add(device_->take_missed());  // of all queues
  }

 private:
  void tell_log(const PortConfig& config) const;

  const std::shared_ptr<Ethdev> device_;  // with the other loops that have the port
  const uint16_t queue_;
  const bool receives_;
  uint64_t plain_flags_;  // of a packet of the pool
};

}  // namespace roost

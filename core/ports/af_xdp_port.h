// SPDX-License-Identifier: BSD-3-Clause
// An interface of this machine, by AF_XDP: all of its queues, or this loop's share of them.
//
// A veth leaves checksums begun, and says so nowhere that AF_XDP shows: they are recognised, and finished.
#pragma once

#include <memory>

#include "core/ports/interface_port.h"
#include "core/ports/xdp_binding.h"

namespace roost {

class AfXdpPort final : public InterfacePort {
 public:
  // Throws Error where there is no such interface, it is down, or the kernel refuses.
  AfXdpPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  std::function<void()> look_at_link() override;
  void read_kernel_counts() noexcept override;

 private:
  std::shared_ptr<XdpBinding> binding_to(int interface_index) const;
  XdpShare& share() const noexcept { return binding_->share(queue_.number); }
  uint16_t fetch(std::span<Slot> slots) noexcept override;
  // While the kernel has not taken all that is to be sent, the loop looks again by itself.
  int receive_descriptor() const noexcept override {
    return share().queues.front()->has_unsent() ? -1 : share().poll.get();
  }

  const std::string interface_;
  const PortQueue queue_;
  std::shared_ptr<XdpBinding> binding_;  // with the other loops that have the port
  size_t next_queue_ = 0;                // of the share
};

}  // namespace roost

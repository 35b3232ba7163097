// SPDX-License-Identifier: BSD-3-Clause
// An interface of this machine, by AF_XDP: all of its queues, and an XDP program that hands their packets over. The
// program goes when the port ends, whatever ends it.
//
// A veth leaves checksums begun, and says so nowhere that AF_XDP shows: they are recognised, and finished.
#pragma once

#include <memory>
#include <vector>

#include "core/ports/interface_port.h"
#include "core/ports/xdp_queue.h"

namespace roost {

class AfXdpPort final : public InterfacePort {
 public:
  // Throws Error where there is no such interface, it is down, or the kernel refuses.
  AfXdpPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  std::function<void()> look_at_link() override;
  void read_kernel_counts() noexcept override;

 private:
  struct Binding {
    int interface_index = 0;
    std::vector<std::unique_ptr<XdpQueue>> queues;
    FileDescriptor promiscuous, map, program, attached, poll;
  };

  std::unique_ptr<Binding> bind_to(int interface_index) const;
  uint16_t fetch(std::span<Slot> slots) noexcept override;
  // While the kernel has not taken all that is to be sent, the loop looks again by itself.
  int receive_descriptor() const noexcept override {
    return binding_->queues.front()->has_unsent() ? -1 : binding_->poll.get();
  }

  const std::string interface_;
  std::unique_ptr<Binding> binding_;
  size_t next_queue_ = 0;
};

}  // namespace roost

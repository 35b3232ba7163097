// SPDX-License-Identifier: BSD-3-Clause
// A tap: an interface that Roost makes, with this machine at one end and the port at the other. What the machine sends
// there is received, what is sent to the port arrives at the machine. It is gone when the port is, however that ends.
#pragma once

#include <vector>

#include "core/ports/interface_port.h"
#include "core/shared_memory.h"

namespace roost {

class TapPort final : public InterfacePort {
 public:
  // Makes the interface, gives it its addresses and brings it up. Throws Error where that fails.
  TapPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  // Moved to another network namespace, it goes on there; removed by somebody, it is made anew.
  std::function<void()> look_at_link() override;

 private:
  FileDescriptor make_interface() const;
  uint16_t fetch(std::span<Slot> slots) noexcept override;
  int receive_descriptor() const noexcept override { return broken_ ? -1 : tap_.get(); }

  const std::string interface_;
  const std::vector<std::string> addresses_;
  const uint32_t mtu_bytes_;
  FileDescriptor tap_;
  bool broken_ = false;  // the interface was removed
};

}  // namespace roost

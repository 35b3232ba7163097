// SPDX-License-Identifier: BSD-3-Clause
// An interface of this machine, by AF_PACKET: all that it receives, and what is sent to it goes out there.
//
// While the interface is gone, nothing is received and what is sent is refused; when one of its name is back, the port
// goes on with that. The interface itself is left as it was: closing the sockets ends promiscuous mode.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include "core/ports/interface_port.h"
#include "core/shared_memory.h"

namespace roost {

class AfPacketPort final : public InterfacePort {
 public:
  // Throws Error where there is no such interface, it is down, not Ethernet, or permission lacks.
  AfPacketPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  std::function<void()> look_at_link() override;
  void read_kernel_counts() noexcept override;

 private:
  struct Sockets {
    FileDescriptor receive, transmit;
  };
  struct Sending;

  Sockets open_sockets(int interface_index) const;
  void join_queues(const FileDescriptor& receive, int interface_index) const;
  bool is_bound_to(int interface_index) const noexcept;
  uint16_t fetch(std::span<Slot> slots) noexcept override;
  int receive_descriptor() const noexcept override { return sockets_.receive.get(); }
  void read_message(const msghdr& message, uint32_t bytes, Slot& slot) noexcept;
  bool send_some(rte_mbuf** packets, uint16_t count, uint16_t& taken) noexcept;

  const std::string interface_;
  const uint32_t receive_kib_;
  const std::shared_ptr<PortGroup> group_;  // the control thread's; null: there is one queue
  Sockets sockets_;

  struct alignas(8) Control {
    char bytes[CMSG_SPACE(sizeof(tpacket_auxdata))];
  };
  static constexpr size_t kPartsMax = 1024;  // of packets that are sent by one call
  std::array<mmsghdr, kSlots> messages_{};
  std::array<iovec[3], kSlots> buffers_{};
  std::array<Control, kSlots> controls_{};
  std::array<mmsghdr, kSlots> sent_{};
  std::array<iovec, kPartsMax> parts_{};
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Network interfaces of this machine (of the network namespace that the process is in), as ports need them. Control
// code, not for the packet path.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/shared_memory.h"

namespace roost {

struct InterfaceFacts {
  int index = 0;
  bool up = false;        // by its administrator
  bool running = false;   // there is somebody at the other end
  uint16_t hardware = 0;  // ARPHRD_...
};
// Nothing: there is none of that name.
std::optional<InterfaceFacts> look_at_interface(const std::string& name);
std::string interfaces_here();  // "eth0, lo"

struct InterfaceQueues {
  uint32_t receive = 1, transmit = 1;  // 1 where it does not say
};
InterfaceQueues queues_of(const std::string& name);

// What is wrong with it, empty: nothing. The kernel takes 1 to 15 characters, without '/', ':' and white space.
std::string interface_name_problem(std::string_view name);

struct InterfaceAddress {
  int family = 0;
  std::array<uint8_t, 16> bytes{};
  uint8_t prefix_bits = 0;
};
// "10.0.0.1/24", "fd00::1/64".
std::optional<InterfaceAddress> parse_interface_address(const std::string& text);

// Throw Error.
void add_interface_address(const std::string& name, const std::string& address);
void set_interface_mtu(const std::string& name, uint32_t mtu_bytes);
void set_interface_up(const std::string& name);

// The interface takes packets for all addresses as long as this is open. Throws Error.
FileDescriptor hold_promiscuous(int interface_index);

// Tells that something about some interface has changed; what, one looks.
class LinkNews {
 public:
  LinkNews();  // throws Error
  int fd() const noexcept { return socket_.get(); }
  void forget() noexcept;  // all that has been told so far

 private:
  FileDescriptor socket_;
};

}  // namespace roost

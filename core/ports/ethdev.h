// SPDX-License-Identifier: BSD-3-Clause
// A device of DPDK's: a network card by its PCI address, or a virtual one, by the driver that DPDK has for it. No
// offloads but RSS; set up when this is made, given back when it ends. Each queue is of one thread.
// Programmer's guide: doc.dpdk.org/guides-22.11/prog_guide/poll_mode_drv.html
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/port.h"
#include "core/shared_memory.h"

namespace roost {

struct EthdevSetup {
  // "0000:3b:00.0", or a driver's name, a number and its parameters: "net_af_xdp0,iface=eth1". With parameters, a PCI
  // address takes them, too.
  std::string device;
  uint16_t receive_descriptors = 1'024;
  uint16_t transmit_descriptors = 1'024;
  bool promiscuous = true;
  uint16_t queues = 1;  // of each direction
};

// What is wrong with a device's name, empty: nothing.
std::string ethdev_name_problem(const std::string& device);
bool is_pci_address(const std::string& device) noexcept;

class Ethdev {
 public:
  // Received packets are `pool`'s. Throws Error, which says what refused and what may help.
  Ethdev(const EthdevSetup& setup, rte_mempool* pool);
  ~Ethdev();
  Ethdev(const Ethdev&) = delete;
  Ethdev& operator=(const Ethdev&) = delete;

  // As many as asked for, where the device has RSS (it gives each queue its part of the flows) and so many; else one
  // that receives, and as many as there are that send.
  uint16_t receive_queues() const noexcept { return queues_.receive; }
  uint16_t transmit_queues() const noexcept { return queues_.transmit; }  // at least as many

  uint16_t receive(uint16_t queue, rte_mbuf** packets, uint16_t count) const noexcept {
    return rte_eth_rx_burst(id_, queue, packets, count);
  }
  // As Port::transmit. Packets of several segments are lost where the driver can't send them.
  uint16_t transmit(uint16_t queue, rte_mbuf** packets, uint16_t count, PortCounters& counters) const noexcept;

  // Receive interrupts. -1: the device has none, and can only be polled.
  int interrupt_fd(uint16_t queue) const noexcept { return queue < interrupts_.size() ? interrupts_[queue].get() : -1; }
  // From here on the descriptor tells of packets. False: there are some already.
  bool arm_interrupt(uint16_t queue) noexcept;
  void disarm_interrupt(uint16_t queue) noexcept;

  // Any thread.
  bool is_up() const noexcept;
  // Packets that never reached a queue, since this was last asked. One thread.
  uint64_t take_missed() noexcept;
  std::string driver() const;

 private:
  struct Queues {
    uint16_t receive = 1, transmit = 1;
  };

  Queues queues_for(uint16_t wanted) const;
  void configure(const EthdevSetup& setup, rte_mempool* pool);
  void start(const EthdevSetup& setup, rte_mempool* pool, Queues queues, bool interrupts);
  void set_up_queues(const EthdevSetup& setup, rte_mempool* pool);
  void take_interrupts();
  bool enable_interrupt(uint16_t queue) noexcept;
  void map_buffers(rte_mempool* pool);
  void end() noexcept;

  std::string device_;
  uint16_t id_ = RTE_MAX_ETHPORTS;
  bool sends_segments_ = false;
  Queues queues_;
  std::vector<FileDescriptor> interrupts_;  // by queue: an epoll instance with its own
  uint64_t missed_ = 0;
};

}  // namespace roost

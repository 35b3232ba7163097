// SPDX-License-Identifier: BSD-3-Clause
// All queues of an interface, by AF_XDP, and an XDP program that hands their packets over; it goes when this ends,
// whatever ends it. The loops that have the port have a share each: every so-manieth queue, of which the first sends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/xdp_queue.h"
#include "core/shared_memory.h"

namespace roost {

struct XdpShare {
  std::vector<std::unique_ptr<XdpQueue>> queues;  // at least one
  FileDescriptor poll;                            // readable when packets wait in any of them
};

class XdpBinding {
 public:
  // As many shares as asked for, or as the interface has queues to send by, if those are fewer. Throws Error.
  XdpBinding(const std::string& interface, int interface_index, uint32_t shares);
  static uint32_t shares_most(const std::string& interface);

  int interface_index() const noexcept { return interface_index_; }
  uint32_t shares() const noexcept { return static_cast<uint32_t>(shares_.size()); }
  XdpShare& share(uint32_t number) noexcept { return shares_[number]; }  // of one thread each

 private:
  void open_queues(const std::string& interface, uint32_t shares);

  const int interface_index_;
  std::vector<XdpShare> shares_;
  FileDescriptor promiscuous_, map_, program_, attached_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Out of ports. A port that takes no more drops and counts; it never blocks the loop.
#include "scheduler/data_loop.h"

namespace roost {

void DataLoop::flush(uint16_t port) noexcept {
  Out& out = out_[port];
  const uint32_t sent = ports_[port]->transmit(out.packets, static_cast<uint16_t>(out.count));
  counters_.transmitted.add(sent);
  for (uint32_t i = sent; i < out.count; ++i) drop(out.packets[i], DropCause::transmit_full);
  out.count = 0;
}

void DataLoop::transmit() noexcept {
  for (uint16_t port = 0; port < out_.size(); ++port)
    if (out_[port].count != 0) flush(port);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Out of ports. A port that takes no more drops and counts; it never blocks the loop.
#include "scheduler/data_loop.h"
#include "scheduler/policy/ecn.h"

namespace roost {

void DataLoop::flush(uint16_t port) noexcept {
  OutBatch& out = out_[port];
  if (port_at_[port] == nullptr) [[unlikely]]
    return hand_out(port);
  const uint32_t sent = port_at_[port]->transmit(out.packets, static_cast<uint16_t>(out.count));
  counters_.transmitted.add(sent);
  for (uint32_t i = sent; i < out.count; ++i) drop(out.packets[i], DropCause::transmit_full);
  out.count = 0;
}

// Only here is the header read, which is cold: packets that are not late cost no more than a comparison.
void DataLoop::mark_late(rte_mbuf* packet) noexcept {
  if (mark_congestion(rte_pktmbuf_mtod(packet, uint8_t*), packet->data_len)) counters_.ecn_marked.add(1);
}

void DataLoop::transmit() noexcept {
  for (uint16_t port = 0; port < out_.size(); ++port)
    if (out_[port].count != 0) flush(port);
  if (end_ != nullptr) flush_links();
}

}  // namespace roost

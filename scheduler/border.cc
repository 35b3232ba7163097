// SPDX-License-Identifier: BSD-3-Clause
// From one domain to another: a packet is copied once, into memory that the hosts of the other domain can see, and the
// memory that it comes from is free at once. Of what lies around its bytes nothing goes along, nor does its metadata:
// that may be other packets'.
#include <rte_mbuf.h>

#include <cstring>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint64_t kOfTheBuffer = RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;

// What an mbuf says of its packet, and not of its buffer.
void copy_header(rte_mbuf& to, const rte_mbuf& from) noexcept {
  to.port = from.port;
  to.vlan_tci = from.vlan_tci;
  to.vlan_tci_outer = from.vlan_tci_outer;
  to.tx_offload = from.tx_offload;
  to.hash = from.hash;
  to.packet_type = from.packet_type;
  to.ol_flags = (from.ol_flags & ~kOfTheBuffer) | (to.ol_flags & kOfTheBuffer);
  to.nb_segs = from.nb_segs;
  to.pkt_len = from.pkt_len;
}

// Segment by segment, each where it was in its buffer. Null: the pool has not got as many.
rte_mbuf* copy_into(rte_mempool* pool, const rte_mbuf& packet) noexcept {
  rte_mbuf* head = nullptr;
  rte_mbuf** link = &head;
  for (const rte_mbuf* from = &packet; from != nullptr; from = from->next) {
    rte_mbuf* const to = rte_pktmbuf_alloc(pool);
    if (to == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    to->data_off = from->data_off;
    to->data_len = from->data_len;
    std::memcpy(rte_pktmbuf_mtod(to, void*), rte_pktmbuf_mtod(from, const void*), from->data_len);
    *link = to;
    link = &to->next;
  }
  copy_header(*head, packet);
  return head;
}

}  // namespace

// The copy, in whose place the packet was; null: there is no room for one, and the packet is what it was.
rte_mbuf* DataLoop::cross(rte_mbuf* packet, uint8_t domain) noexcept {
  rte_mbuf* const copy = copy_into(pool_.pool(domain), *packet);
  if (copy == nullptr) return nullptr;
  rte_pktmbuf_free(packet);
  counters_.crossed.add(1);
  return copy;
}

// The same for a packet that has a row; kNoHandle: there is no room.
uint32_t DataLoop::moved_abroad(uint32_t handle, uint8_t domain) noexcept {
  const LedgerRow& row = ledger_.row(handle);
  rte_mbuf* const copy = cross(row.packet, domain);
  if (copy == nullptr) return kNoHandle;
  const uint32_t there = PacketPool::handle_of(copy);
  ledger_.row(there) = row;
  ledger_.row(there).packet = copy;
  return there;
}

// In the middle of its chain. Where there is no room it is dropped: if it waited, two domains whose hosts hold all that
// they can have might wait for each other.
uint32_t DataLoop::cross_midway(uint32_t handle, uint8_t domain) noexcept {
  const uint32_t there = moved_abroad(handle, domain);
  if (there != kNoHandle) return there;
  const LedgerRow& row = ledger_.row(handle);
  paths_.arrive(row.epoch);
  drop(row.packet, DropCause::domain_full);
  return kNoHandle;
}

}  // namespace roost

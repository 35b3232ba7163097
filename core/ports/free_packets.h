// SPDX-License-Identifier: BSD-3-Clause
// Packets back to their pools, as drivers do it with what they may free fast. rte_pktmbuf_free_bulk() reads each mbuf's
// second cache line and the count behind it of who uses its buffer; of a packet that was away for a while, both are
// cold. One segment with one owner tells the same in the first line: its `next` is null, and nobody attaches to the
// buffers of Roost's pools.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

namespace roost {

inline void free_packets(rte_mbuf** packets, uint32_t count) noexcept {
  uint32_t first = 0;  // of those that are of one pool, and go back together
  const auto put_until = [&](uint32_t end) {
    if (end != first)
      rte_mempool_put_bulk(packets[first]->pool, reinterpret_cast<void* const*>(packets + first), end - first);
    first = end;
  };
  for (uint32_t i = 0; i < count; ++i) {
    rte_mbuf* const packet = packets[i];
    if (packet->nb_segs != 1 || rte_mbuf_refcnt_read(packet) != 1) [[unlikely]] {
      put_until(i);
      rte_pktmbuf_free(packet);
      first = i + 1;
      continue;
    }
    packet->ol_flags &= RTE_MBUF_F_EXTERNAL;
    if (packet->pool != packets[first]->pool) [[unlikely]]
      put_until(i);
  }
  put_until(count);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The ledger: who owns each packet. Private to the manager, a cache line a row; one data loop writes it.
//
// A packet is either the loop's (in a pool, with a port, in the loop's hands: owner kNoHost) or a host's. What a host
// sends back counts only where its row says that the host owns it.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "core/lazy_array.h"
#include "core/packet_memory.h"

namespace roost {

inline constexpr uint32_t kNoHost = UINT32_MAX;
inline constexpr uint32_t kNoNf = UINT32_MAX;

// What a row is in the books: packets are counted by their first segment.
enum class Part : uint8_t {
  head,     // of a packet
  segment,  // a further one
  granted,  // a packet for an NF to fill; not in the books until it comes back filled
};

struct alignas(64) LedgerRow {
  rte_mbuf* packet;       // the private mbuf
  uint64_t stamp_tsc;     // when the packet arrived, or was meant to
  uint32_t owner;         // host + 1, 0: the loop
  uint32_t entry_nf;      // delivered into this NF's inbox
  uint32_t generation;    // of the owner; a host's number is used again only after a sweep
  uint32_t path;          // first unit
  uint32_t flow_hash;     // picks an NF where the path's has gone
  uint32_t next_segment;  // handle + 1, 0: the last one
  uint32_t base;          // of a copy: the handle whose bytes it shares + 1, 0: its own
  uint16_t sharers;       // copies of this one that are out
  uint16_t in_port;
  uint16_t out_port;  // where its chain ends
  uint8_t hop;        // of the path, at delivery
  uint8_t granted;    // hops that this delivery allows
  uint8_t epoch;      // of the path table, at delivery
  Part part;
  bool goes_on;           // the path has hops behind the granted ones
  uint32_t backlog_next;  // handle + 1, in the list of packets that wait for an NF's inbox
};
static_assert(sizeof(LedgerRow) == 64);

class Ledger {
 public:
  explicit Ledger(uint32_t handle_bound) : rows_(handle_bound) {}

  LedgerRow& row(uint32_t handle) noexcept { return rows_[handle]; }
  const LedgerRow& row(uint32_t handle) const noexcept { return rows_[handle]; }
  uint32_t size() const noexcept { return static_cast<uint32_t>(rows_.size()); }

  // Hand-off to a host: from here on the packet is the host's.
  void give(uint32_t handle, uint32_t host, uint32_t generation, Part part) noexcept {
    LedgerRow& row = rows_[handle];
    row.owner = host + 1;
    row.generation = generation;
    row.part = part;
    held_ += part == Part::head;
  }

  bool owns(uint32_t handle, uint32_t host, uint32_t generation) const noexcept {
    return rows_[handle].owner == host + 1 && rows_[handle].generation == generation;
  }

  // Hand-off back to the loop.
  void take_back(uint32_t handle) noexcept {
    rows_[handle].owner = 0;
    held_ -= rows_[handle].part == Part::head;
  }

  // Packets that hosts own at this moment.
  uint64_t held() const noexcept { return held_; }

 private:
  LazyArray<LedgerRow> rows_;
  uint64_t held_ = 0;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The ledger: who owns each packet. Private to the manager, a cache line a row; one data loop writes it.
//
// A packet is either the loop's (in a pool, with a port, in the loop's hands) or a host's. What a host
// sends back counts only where its row says that the host owns it.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "core/lazy_array.h"
#include "core/packet_memory.h"
#include "core/path.h"

namespace roost {

inline constexpr uint32_t kNoNf = UINT32_MAX;

// What a row is in the books: packets are counted by their first segment.
enum class Part : uint8_t {
  head,     // of a packet
  segment,  // a further one
  granted,  // a packet for an NF to fill; not in the books until it comes back filled
};

// A host in one of its lives: its number is used again, with another generation, only after a sweep.
struct Owner {
  uint64_t word = 0;  // the loop

  static constexpr Owner host(uint32_t id, uint32_t generation) noexcept {
    return {uint64_t{generation} << 32 | (id + 1)};
  }
  constexpr uint32_t id() const noexcept { return static_cast<uint32_t>(word) - 1; }
  constexpr bool operator==(const Owner&) const noexcept = default;
};

struct alignas(64) LedgerRow {
  Way way;           // at delivery; its NF is whose inbox the packet went into
  rte_mbuf* packet;  // the private mbuf
  Owner owner;
  uint64_t stamp_tsc;  // when the packet arrived, or was meant to
  uint32_t flow_hash;  // picks an NF where the path's has gone
  uint16_t in_port;
  uint8_t epoch;  // of the path table, at delivery
  Part part;
  uint32_t next_segment;  // handle + 1, 0: the last one
  uint32_t backlog_next;  // handle + 1, in the list of packets that wait for an NF's inbox
  uint32_t base;          // of a copy: the handle whose bytes it shares + 1, 0: its own
  uint16_t sharers;       // copies of this one that are out
};
static_assert(sizeof(LedgerRow) == 64);

class Ledger {
 public:
  explicit Ledger(uint32_t handle_bound) : rows_(handle_bound) {}

  LedgerRow& row(uint32_t handle) noexcept { return rows_[handle]; }
  const LedgerRow& row(uint32_t handle) const noexcept { return rows_[handle]; }
  uint32_t size() const noexcept { return static_cast<uint32_t>(rows_.size()); }

  // Hand-off to a host: from here on the packet is the host's.
  void give(uint32_t handle, Owner host, Part part) noexcept {
    LedgerRow& row = rows_[handle];
    row.owner = host;
    row.part = part;
    held_ += part == Part::head;
  }

  bool owns(uint32_t handle, Owner host) const noexcept { return rows_[handle].owner == host; }

  // Hand-off back to the loop.
  void take_back(uint32_t handle) noexcept {
    rows_[handle].owner = {};
    held_ -= rows_[handle].part == Part::head;
  }

  // Packets that hosts own at this moment.
  uint64_t held() const noexcept { return held_; }

 private:
  LazyArray<LedgerRow> rows_;
  uint64_t held_ = 0;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Packets in the data loop's hands.
#pragma once

#include <array>
#include <cstdint>

#include "core/flow_table.h"

struct rte_mbuf;

namespace roost {

// Of one port, on their way from receive to deliver.
struct Batch {
  static constexpr uint32_t kPackets = 64;

  uint32_t count = 0;
  uint16_t port = 0;
  rte_mbuf* packets[kPackets];
  uint64_t stamps[kPackets];
  FlowEntry* flows[kPackets];  // nullptr: dropped, or out already
  uint32_t hashes[kPackets];
  uint32_t handles[kPackets];
  std::array<FlowEntry, kPackets> unpinned{};  // of the flows that the table has no room for
};

// For one port.
struct OutBatch {
  static constexpr uint32_t kPackets = 128;

  uint32_t count = 0;
  rte_mbuf* packets[kPackets];
};

}  // namespace roost

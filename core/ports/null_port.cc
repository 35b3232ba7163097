// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/null_port.h"

#include <cstring>

namespace roost {
namespace {
constexpr uint16_t kBlankBytes = 64;
}

NullPort::NullPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : Port(config.name, index), fresh_(pool, index), blank_(config.null.blank) {}

uint16_t NullPort::receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  if (!blank_ || count == 0 || !fresh_.take(packets, count)) return 0;
  for (uint16_t i = 0; i < count; ++i) {
    // Cleared, unlike in net_null: what an earlier packet left behind isn't this one's content.
    std::memset(fresh_.prepare(packets[i], kBlankBytes), 0, kBlankBytes);
    stamps_tsc[i] = now_tsc;
  }
  counters_.received.add(count);
  counters_.received_bytes.add(uint64_t{count} * kBlankBytes);
  return count;
}

uint16_t NullPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  discard(packets, count);
  return count;
}

uint64_t NullPort::next_receive_tsc() const noexcept { return blank_ ? 0 : kNeverTsc; }

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The port that leads nowhere: discards what is sent; receives nothing, or blank frames without end.
#pragma once

#include "core/port.h"
#include "core/ports/fresh_packets.h"

namespace roost {

class NullPort final : public Port {
 public:
  NullPort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override;
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  uint64_t next_receive_tsc() const noexcept override;

 private:
  FreshPackets fresh_;
  const bool blank_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include <rte_mbuf.h>

#include <exception>

#include "core/error.h"
#include "core/port.h"
#include "core/ports/af_packet_port.h"
#include "core/ports/af_xdp_port.h"
#include "core/ports/ethdev_port.h"
#include "core/ports/generator_port.h"
#include "core/ports/null_port.h"
#include "core/ports/pcap_port.h"
#include "core/ports/tap_port.h"

namespace roost {

const char* link_state_name(LinkState state) noexcept {
  switch (state) {
    case LinkState::up:
      return "up";
    case LinkState::down:
      return "down";
    case LinkState::gone:
      return "gone";
    case LinkState::moved:
      return "moved";
    case LinkState::none:
      break;
  }
  return "-";
}

void Port::discard(rte_mbuf** packets, uint16_t count) noexcept {
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < count; ++i) bytes += packets[i]->pkt_len;
  rte_pktmbuf_free_bulk(packets, count);
  counters_.transmitted.add(count);
  counters_.transmitted_bytes.add(bytes);
}

std::unique_ptr<Port> open_port(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz) {
  try {
    if (pool == nullptr) fail("no packet pool given");
    if (tsc_hz == 0) fail("the TSC's frequency isn't known");
    if (config.queue.number != 0 && config.queue.number >= config.queue.group->queues) return nullptr;
    switch (config.kind) {
      case PortKind::kNull:
        return std::make_unique<NullPort>(config, index, pool);
      case PortKind::kPcap:
        return std::make_unique<PcapPort>(config, index, pool, tsc_hz);
      case PortKind::kGenerator:
        return std::make_unique<GeneratorPort>(config, index, pool, tsc_hz);
      case PortKind::kAfPacket:
        return std::make_unique<AfPacketPort>(config, index, pool);
      case PortKind::kTap:
        return std::make_unique<TapPort>(config, index, pool);
      case PortKind::kAfXdp:
        return std::make_unique<AfXdpPort>(config, index, pool);
      case PortKind::kDpdk:
        return std::make_unique<EthdevPort>(config, index, pool);
    }
    fail("unknown kind {}", static_cast<int>(config.kind));
  } catch (const std::exception& error) {
    fail("port '{}': {}", config.name, error.what());
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/ethdev_port.h"

#include <rte_mbuf.h>

#include "core/error.h"
#include "core/log.h"

namespace roost {
namespace {

uint64_t flags_of_packets(rte_mempool* pool) {
  rte_mbuf* const sample = rte_pktmbuf_alloc(pool);
  if (sample == nullptr) fail("the packet pool is empty; give the memory more packets");
  const uint64_t flags = sample->ol_flags;
  rte_pktmbuf_free(sample);
  return flags;
}

std::shared_ptr<Ethdev> device_of(const PortConfig& config, rte_mempool* pool) {
  PortGroup* const group = config.queue.group.get();
  if (group != nullptr && group->device) return group->device;
  auto device = std::make_shared<Ethdev>(
      EthdevSetup{config.device.device, config.device.receive_descriptors, config.device.transmit_descriptors,
                  config.device.promiscuous, static_cast<uint16_t>(config.queue.count)},
      pool);
  if (group != nullptr) {
    group->device = device;
    group->queues = device->transmit_queues();
  }
  return device;
}

}  // namespace

EthdevPort::EthdevPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : Port(config.name, index),
      device_(device_of(config, pool)),
      queue_(static_cast<uint16_t>(config.queue.number)),
      receives_(queue_ < device_->receive_queues()),
      plain_flags_(flags_of_packets(pool)) {
  if (queue_ == 0) tell_log(config);
}

void EthdevPort::tell_log(const PortConfig& config) const {
  log_info("port '{}': device '{}', driver {}, {}", name(), config.device.device, device_->driver(),
           device_->interrupt_fd(0) >= 0 ? "with receive interrupts" : "no receive interrupts");
  if (config.queue.count == 1) return;
  log_info("port '{}': for {} io cores {} queues that receive and {} that send{}", name(), config.queue.count,
           device_->receive_queues(), device_->transmit_queues(),
           device_->receive_queues() > 1
               ? ", flows shared out by RSS"
               : "; the driver has no RSS for more, so the first io core receives everything");
}

uint16_t EthdevPort::receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  const uint16_t came = receives_ ? device_->receive(queue_, packets, count) : uint16_t{0};
  uint16_t kept = 0;
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < came; ++i) {
    rte_mbuf* const packet = packets[i];
    if (packet->pkt_len < kPortFrameBytesMin || packet->pkt_len > kPortFrameBytesMax) [[unlikely]] {
      (packet->pkt_len < kPortFrameBytesMin ? counters_.receive_dropped.runt : counters_.receive_dropped.oversize)
          .add(1);
      rte_pktmbuf_free(packet);
      continue;
    }
    // Drivers say here what their cards found, and some forget that a packet's buffer is elsewhere.
    for (rte_mbuf* segment = packet; segment != nullptr; segment = segment->next) segment->ol_flags = plain_flags_;
    packets[kept] = packet;
    stamps_tsc[kept++] = now_tsc;
    bytes += packet->pkt_len;
  }
  counters_.received.add(kept);
  counters_.received_bytes.add(bytes);
  return kept;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// A port that keeps a fixed number of packets in flight, of flows taken at random: what comes back goes round again,
// and what is dropped is replaced.
#pragma once

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <atomic>
#include <cstring>
#include <string>
#include <utility>

#include "core/clock.h"
#include "core/port.h"
#include "scheduler/counters.h"

namespace roost::experiment {

class WindowPort final : public Port {
 public:
  WindowPort(std::string name, uint16_t index, rte_mempool* pool, uint32_t window, uint32_t flows)
      : Port(std::move(name), index), pool_(pool), window_(window), flows_(flows) {
    frame_.ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
    frame_.ip.version_ihl = 0x45;
    frame_.ip.total_length = rte_cpu_to_be_16(50);
    frame_.ip.time_to_live = 64;
    frame_.ip.next_proto_id = IPPROTO_UDP;
    frame_.ip.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 2));
    frame_.udp.src_port = frame_.udp.dst_port = rte_cpu_to_be_16(9);
  }

  // Whose drops, if any, are replaced: by and by while packets come back, and when called.
  void watch(const LoopCounters& counters) { loop_ = &counters; }
  void replace_dropped() noexcept {
    uint64_t dropped = 0;
    for (const auto& count : loop_->dropped) dropped += count.get();
    in_flight_ -= static_cast<uint32_t>(dropped - std::exchange(dropped_, dropped));
  }

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override {
    const uint32_t room = window_ - in_flight_;
    const auto n = static_cast<uint16_t>(room < count ? room : count);
    if (n == 0 || rte_pktmbuf_alloc_bulk(pool_, packets, n) != 0) return 0;
    for (uint16_t i = 0; i < n; ++i) {
      packets[i]->data_len = 64;
      packets[i]->pkt_len = 64;
      packets[i]->port = index();
      random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
      frame_.ip.src_addr = static_cast<uint32_t>(((random_ >> 32) * flows_) >> 32);
      std::memcpy(rte_pktmbuf_mtod(packets[i], void*), &frame_, sizeof frame_);
      stamps_tsc[i] = now_tsc;
    }
    in_flight_ += n;
    counters_.received.add(n);
    return n;
  }

  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    discard(packets, count);
    in_flight_ -= count;
    if (++batches_ % kBatchesPerLook == 0 && loop_ != nullptr) replace_dropped();
    return count;
  }

  uint64_t next_receive_tsc() const noexcept override { return in_flight_ < window_ ? 0 : kNeverTsc; }

 private:
  static constexpr uint32_t kBatchesPerLook = 64;

  struct Frame {  // no padding: all three are aligned to two bytes
    rte_ether_hdr ether{};
    rte_ipv4_hdr ip{};
    rte_udp_hdr udp{};
  };

  rte_mempool* pool_;
  uint32_t window_, flows_;
  uint32_t in_flight_ = 0;
  uint32_t batches_ = 0;
  const LoopCounters* loop_ = nullptr;
  uint64_t dropped_ = 0;
  uint64_t random_ = 1;
  Frame frame_;
};

}  // namespace roost::experiment

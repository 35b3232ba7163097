// SPDX-License-Identifier: BSD-3-Clause
// Makes traffic in memory, open loop: it keeps its schedule whatever the system does. A packet that is taken late
// still carries the time at which it was meant to be sent, so that no latency is hidden. What is sent to it is
// discarded.
#pragma once

#include "core/port.h"
#include "core/ports/flow_frames.h"
#include "core/ports/flow_picker.h"
#include "core/ports/fresh_packets.h"
#include "core/ports/packet_schedule.h"

namespace roost {

class GeneratorPort final : public Port {
 public:
  // Throws Error where an option is out of range or the pool's buffers are too small for the frames.
  GeneratorPort(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz);

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override;
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  uint64_t next_receive_tsc() const noexcept override;
  bool finished() const noexcept override { return left_ == 0; }

 private:
  void miss_beyond_backlog(uint64_t now_tsc) noexcept;
  void stamp(uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept;
  uint32_t frame_bytes() noexcept;

  FreshPackets fresh_;
  const GeneratorOptions options_;
  FlowFrames frames_;
  FlowPicker picker_;
  PacketSchedule schedule_;
  uint64_t left_;  // packets still to come
};

}  // namespace roost

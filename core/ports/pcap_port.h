// SPDX-License-Identifier: BSD-3-Clause
// Replays a capture, writes one, or both.
//
// Pace "line": each receive() takes what it has room for. "recorded": frames become due as they were captured,
// and late ones carry the time at which they were due. A loop lasts as long as the capture and one mean gap.
// Nothing is lost when the pool is empty: the replay waits. Frames longer than a buffer become several segments.
#pragma once

#include <optional>

#include "core/capture.h"
#include "core/port.h"
#include "core/ports/pcap_writer.h"

namespace roost {

class PcapPort final : public Port {
 public:
  // Throws Error where a capture can't be read or written.
  PcapPort(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz);

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept override;
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override;
  uint64_t next_receive_tsc() const noexcept override;
  bool finished() const noexcept override;

 private:
  bool drop_unfit(uint32_t length) noexcept;
  rte_mbuf* make_packet(const Capture::Frame& frame) noexcept;
  uint64_t due_tsc() const noexcept;
  void advance() noexcept;

  rte_mempool* const pool_;
  const bool loop_;
  const bool recorded_;
  const double tsc_per_ns_;
  uint32_t room_bytes_;  // of a buffer, behind its headroom
  std::optional<Capture> capture_;
  std::optional<PcapWriter> writer_;
  size_t next_ = 0;               // frame
  uint64_t round_start_tsc_ = 0;  // when this round's first frame is due; 0 before the first receive()
  uint64_t round_tsc_ = 0;        // how long a round lasts
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The generator's frames: Ethernet, IPv4 or IPv6, UDP, with the five-tuple worked out from the flow's number.
//
// Only the first 64 bytes are written; the payload after them stays what the buffer held. Lengths and the IPv4
// header checksum are right; the UDP checksum is 0, "not computed" (for IPv6 as in RFC 6936), since the payload
// isn't read. Nothing is looked up: a table of a million headers would cost a cache miss a packet, the
// arithmetic costs a few cycles.
#pragma once

#include <cstdint>

#include "core/port_config.h"

namespace roost {

class FlowFrames {
 public:
  FlowFrames(FlowIpVersion version, uint64_t seed) noexcept;

  // `frame` has room for frame_bytes (at least 64). Distinct flows below kGeneratorFlowsMax have distinct tuples.
  void write(uint8_t* frame, uint32_t flow, uint32_t frame_bytes) const noexcept {
    const bool six = version_ == FlowIpVersion::k6 || (version_ == FlowIpVersion::kMixed && (flow & 1) != 0);
    six ? write6(frame, flow, frame_bytes) : write4(frame, flow, frame_bytes);
  }

 private:
  struct Tuple {
    uint32_t source;       // 24 bits, one to one with the flow
    uint32_t destination;  // 17 bits
    uint16_t source_port;
    uint16_t destination_port;
  };

  Tuple tuple(uint32_t flow) const noexcept;
  void write4(uint8_t* frame, uint32_t flow, uint32_t frame_bytes) const noexcept;
  void write6(uint8_t* frame, uint32_t flow, uint32_t frame_bytes) const noexcept;

  alignas(64) uint8_t template4_[64] = {};
  alignas(64) uint8_t template6_[64] = {};
  FlowIpVersion version_;
  uint32_t checksum4_ = 0;  // the sum over template4_'s IP header, not yet folded
  uint64_t seed_;
};

}  // namespace roost

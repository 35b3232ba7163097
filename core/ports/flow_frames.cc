// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/flow_frames.h"

#include <rte_byteorder.h>

#include <cstring>

namespace roost {
namespace {

// Offsets into the frame.
constexpr uint32_t kIp = 14;
constexpr uint32_t kUdp4 = kIp + 20;
constexpr uint32_t kUdp6 = kIp + 40;

// RFC 2544 and RFC 5180 set these networks aside for benchmarks; sources come from 10.0.0.0/8, since 198.18/15
// has too few addresses for as many flows.
constexpr uint32_t kSource4 = 0x0a000000U;
constexpr uint32_t kDestination4 = 0xc6120000U;
constexpr uint8_t kPrefix6[6] = {0x20, 0x01, 0x00, 0x02, 0x00, 0x00};

void put16(uint8_t* at, uint32_t value) noexcept {
  const uint16_t wire = rte_cpu_to_be_16(static_cast<uint16_t>(value));
  std::memcpy(at, &wire, sizeof wire);
}

void put32(uint8_t* at, uint32_t value) noexcept {
  const uint32_t wire = rte_cpu_to_be_32(value);
  std::memcpy(at, &wire, sizeof wire);
}

void put_ethernet(uint8_t* frame, uint16_t type) noexcept {
  constexpr uint8_t kAddresses[12] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1};  // locally administered
  std::memcpy(frame, kAddresses, sizeof kAddresses);
  put16(frame + 12, type);
}

}  // namespace

FlowFrames::FlowFrames(FlowIpVersion version, uint64_t seed) noexcept : version_(version), seed_(seed) {
  put_ethernet(template4_, 0x0800);
  template4_[kIp] = 0x45;
  put16(template4_ + kIp + 6, 0x4000);  // don't fragment
  template4_[kIp + 8] = 64;
  template4_[kIp + 9] = 17;
  for (uint32_t at = kIp; at < kUdp4; at += 2) {
    checksum4_ += static_cast<uint32_t>(template4_[at] << 8 | template4_[at + 1]);
  }

  put_ethernet(template6_, 0x86dd);
  template6_[kIp] = 0x60;
  template6_[kIp + 6] = 17;
  template6_[kIp + 7] = 64;
  std::memcpy(template6_ + kIp + 8, kPrefix6, sizeof kPrefix6);
  std::memcpy(template6_ + kIp + 24, kPrefix6, sizeof kPrefix6);
  template6_[kIp + 31] = 1;  // the destinations are another /64
}

FlowFrames::Tuple FlowFrames::tuple(uint32_t flow) const noexcept {
  // An odd factor permutes the 24 bits; the rest only has to look random.
  uint64_t mixed = (flow + seed_) * 0x9e3779b97f4a7c15ULL;
  mixed ^= mixed >> 29;
  return {
      .source = (flow * 0x9e3779b1U) & 0xffffffU,
      .destination = static_cast<uint32_t>(mixed & 0x1ffffU),
      .source_port = static_cast<uint16_t>(1024 + ((mixed >> 17) & 0x7fffU)),
      .destination_port = static_cast<uint16_t>(1 + ((mixed >> 32) & 0x3ffU)),
  };
}

void FlowFrames::write4(uint8_t* frame, uint32_t flow, uint32_t frame_bytes) const noexcept {
  const Tuple to = tuple(flow);
  const uint32_t source = kSource4 | to.source;
  const uint32_t destination = kDestination4 | to.destination;
  const uint32_t ip_bytes = frame_bytes - kIp;
  uint32_t sum =
      checksum4_ + ip_bytes + (source >> 16) + (source & 0xffffU) + (destination >> 16) + (destination & 0xffffU);
  sum = (sum & 0xffffU) + (sum >> 16);
  sum += sum >> 16;

  std::memcpy(frame, template4_, sizeof template4_);
  put16(frame + kIp + 2, ip_bytes);
  put16(frame + kIp + 10, ~sum);
  put32(frame + kIp + 12, source);
  put32(frame + kIp + 16, destination);
  put32(frame + kUdp4, static_cast<uint32_t>(to.source_port) << 16 | to.destination_port);
  put16(frame + kUdp4 + 4, frame_bytes - kUdp4);
}

void FlowFrames::write6(uint8_t* frame, uint32_t flow, uint32_t frame_bytes) const noexcept {
  const Tuple to = tuple(flow);
  std::memcpy(frame, template6_, sizeof template6_);
  put16(frame + kIp + 4, frame_bytes - kUdp6);
  put32(frame + kIp + 20, to.source);
  put32(frame + kIp + 36, to.destination);
  put32(frame + kUdp6, static_cast<uint32_t>(to.source_port) << 16 | to.destination_port);
  put16(frame + kUdp6 + 4, frame_bytes - kUdp6);
}

}  // namespace roost

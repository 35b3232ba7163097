// SPDX-License-Identifier: BSD-3-Clause
// Which flow a frame belongs to: its five-tuple and the port it came in by.
//
// Up to two VLAN tags are skipped (the tag isn't part of the key), IPv4 options and up to kExtensionsMax IPv6
// extension headers too. All fragments of a datagram share a flow: their ports count as 0, the first one's as well.
// ICMP has the echo identifier for a port. What is no sound IP packet is a flow by its MAC addresses and EtherType.
// Fields are in network byte order. No byte beyond the frame's first segment is read, whatever its headers say.
#pragma once

#include <cstdint>
#include <cstring>

struct rte_mbuf;

namespace roost {

// Aligned for the hash, which reads eight bytes at a time.
struct alignas(8) FlowKey4 {
  uint32_t source;
  uint32_t destination;
  uint16_t source_port;
  uint16_t destination_port;
  uint8_t protocol;
  uint8_t pad;  // 0
  uint16_t port;
};
static_assert(sizeof(FlowKey4) == 16);

// IPv6, and everything else: then source holds the MAC addresses and the EtherType, protocol is 255 and other is 1,
// which no IPv6 packet has.
struct alignas(8) FlowKey6 {
  uint8_t source[16];
  uint8_t destination[16];
  uint16_t source_port;
  uint16_t destination_port;
  uint8_t protocol;
  uint8_t other;
  uint16_t port;
};
static_assert(sizeof(FlowKey6) == 40);

struct FlowKey {
  enum class Kind : uint8_t { k4, kWide };

  Kind kind;
  union {
    FlowKey4 four;  // k4
    FlowKey6 wide;  // kWide
  };

  uint16_t& port() noexcept { return kind == Kind::k4 ? four.port : wide.port; }

  bool operator==(const FlowKey& with) const noexcept {
    if (kind != with.kind) return false;
    return kind == Kind::k4 ? std::memcmp(&four, &with.four, sizeof four) == 0
                            : std::memcmp(&wide, &with.wide, sizeof wide) == 0;
  }
};

inline constexpr uint32_t kExtensionsMax = 8;

// `length` bytes of a frame that came in by port number `port`. Any length, any content.
FlowKey flow_key(const uint8_t* frame, uint32_t length, uint16_t port) noexcept;

// Where the transport header of these `length` bytes (40 at least) of an IPv6 packet begins; `length` where that can't
// be told, as in fragments.
uint32_t transport_offset6(const uint8_t* ip, uint32_t length) noexcept;

// Of the packets' first segments.
void flow_keys(const rte_mbuf* const* packets, uint32_t count, uint16_t port, FlowKey* keys) noexcept;

}  // namespace roost

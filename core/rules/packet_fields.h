// SPDX-License-Identifier: BSD-3-Clause
// What rules can look at in a packet, as one row of 64 bytes that is compared word by word under a mask.
//
// A part of it is in the packet's flow key already (addresses, protocol, ports, EtherType). The rest is "beyond" it:
// packets of one flow may differ there, so where rules look at such a field, flows have to be told apart by it, too
// (core/rules/flow_classes.h). Fields are in network byte order, as the key's are; what a packet doesn't have is 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/flow_key.h"

namespace roost {

inline constexpr uint32_t kFieldWords = 8;

struct alignas(64) PacketFields {
  // What could be read of it, a bit each: a sound IP header and which, ARP, the type and code of ICMP.
  enum Kind : uint8_t { kNone = 0, kIp = 1, kIpv4 = 2, kIpv6 = 4, kArp = 8, kIcmp = 16 };

  static constexpr uint16_t kVlanIdBits = 0x0fff, kVlanTagged = 0x1000, kVlanPriorityBits = 0xe000;

  uint16_t in_port;  // the port's number
  uint16_t vlan;     // in host order, of the outer tag: its id, kVlanTagged, its priority in the upper three bits
  uint8_t kind;
  uint8_t dscp;
  uint8_t icmp_type;
  uint8_t icmp_code;

  uint8_t eth_source[6];
  uint16_t eth_type;  // behind up to two VLAN tags

  uint8_t eth_destination[6];
  uint16_t arp_operation;

  uint8_t source[16];  // IPv4, and ARP's sender: the first four bytes
  uint8_t destination[16];

  uint16_t source_port;  // TCP, UDP, UDP-Lite, SCTP, DCCP; of a fragment 0. Of an ICMP echo, its identifier
  uint16_t destination_port;
  uint8_t protocol;
  uint8_t pad[3];  // 0

  using Words = std::array<uint64_t, kFieldWords>;
  Words words() const noexcept {
    Words all;
    std::memcpy(all.data(), this, sizeof *this);
    return all;
  }
  bool operator==(const PacketFields& with) const noexcept { return std::memcmp(this, &with, sizeof *this) == 0; }
};
static_assert(sizeof(PacketFields) == kFieldWords * sizeof(uint64_t));

// Fields beyond the flow key.
enum BeyondKey : uint32_t {
  kBeyondVlan = 1,
  kBeyondVlanPriority = 2,
  kBeyondDscp = 4,
  kBeyondIcmp = 8,
  kBeyondMacs = 16,
  kBeyondArp = 32,
};

// What the flow key alone says; what is beyond it is 0. The key's own port number is its in_port.
PacketFields fields_of(const FlowKey& key) noexcept;

// All of it: `key` is the frame's, of these `length` bytes. Any length, any content.
PacketFields fields_of(const uint8_t* frame, uint32_t length, const FlowKey& key) noexcept;

// The fields beyond the key under this mask.
uint32_t beyond_key(const PacketFields& mask) noexcept;

}  // namespace roost

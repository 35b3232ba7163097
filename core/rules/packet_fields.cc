// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/packet_fields.h"

#include <algorithm>

namespace roost {
namespace {

constexpr uint32_t kEthernetBytes = 14, kVlanBytes = 4, kIpv6Bytes = 40, kArpBytes = 28;
constexpr uint16_t kTypeIpv4 = 0x0800, kTypeArp = 0x0806, kTypeVlan = 0x8100, kTypeIpv6 = 0x86dd, kTypeQinQ = 0x88a8;
constexpr uint8_t kProtocolIcmp = 1, kProtocolIcmp6 = 58;

uint16_t read16(const uint8_t* at) noexcept { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
constexpr uint16_t swapped(uint16_t value) noexcept { return static_cast<uint16_t>(value << 8 | value >> 8); }

void read_icmp(const uint8_t* at, uint32_t room, PacketFields& fields) noexcept {
  if (room < 2) return;
  fields.kind |= PacketFields::kIcmp;
  fields.icmp_type = at[0];
  fields.icmp_code = at[1];
}

// Ethernet and IPv4 only; others have no fields of these.
void read_arp(const uint8_t* at, uint32_t room, PacketFields& fields) noexcept {
  constexpr uint8_t kEthernetIpv4[] = {0, 1, 8, 0, 6, 4};
  if (room < kArpBytes || std::memcmp(at, kEthernetIpv4, sizeof kEthernetIpv4) != 0) return;
  fields.kind = PacketFields::kArp;
  std::memcpy(&fields.arp_operation, at + 6, 2);
  std::memcpy(fields.source, at + 14, 4);
  std::memcpy(fields.destination, at + 24, 4);
}

}  // namespace

PacketFields fields_of(const FlowKey& key) noexcept {
  PacketFields fields;
  std::memset(&fields, 0, sizeof fields);
  if (key.kind == FlowKey::Kind::k4) {
    fields.kind = PacketFields::kIp | PacketFields::kIpv4;
    fields.eth_type = swapped(kTypeIpv4);
    std::memcpy(fields.source, &key.four.source, 4);
    std::memcpy(fields.destination, &key.four.destination, 4);
    fields.source_port = key.four.source_port;
    fields.destination_port = key.four.destination_port;
    fields.protocol = key.four.protocol;
    fields.in_port = key.four.port;
    return fields;
  }
  fields.in_port = key.wide.port;
  if (key.wide.other == 1) {  // source: destination MAC, source MAC, EtherType in host order
    std::memcpy(fields.eth_destination, key.wide.source, 6);
    std::memcpy(fields.eth_source, key.wide.source + 6, 6);
    uint16_t type;
    std::memcpy(&type, key.wide.source + 12, sizeof type);
    fields.eth_type = swapped(type);
    return fields;
  }
  fields.kind = PacketFields::kIp | PacketFields::kIpv6;
  fields.eth_type = swapped(kTypeIpv6);
  std::memcpy(fields.source, key.wide.source, 16);
  std::memcpy(fields.destination, key.wide.destination, 16);
  fields.source_port = key.wide.source_port;
  fields.destination_port = key.wide.destination_port;
  fields.protocol = key.wide.protocol;
  return fields;
}

PacketFields fields_of(const uint8_t* frame, uint32_t length, const FlowKey& key) noexcept {
  PacketFields fields = fields_of(key);
  if (length < kEthernetBytes) return fields;
  std::memcpy(fields.eth_destination, frame, 6);
  std::memcpy(fields.eth_source, frame + 6, 6);
  uint32_t at = kEthernetBytes;
  uint16_t type = read16(frame + 12);
  for (int tag = 0; tag < 2 && (type == kTypeVlan || type == kTypeQinQ) && length - at >= kVlanBytes; ++tag) {
    if (tag == 0) {
      const uint16_t tci = read16(frame + at);
      fields.vlan = static_cast<uint16_t>((tci & ~PacketFields::kVlanTagged) | PacketFields::kVlanTagged);
    }
    type = read16(frame + at + 2);
    at += kVlanBytes;
  }
  const uint8_t* const inner = frame + at;
  uint32_t room = length - at;
  // The key says that the IP header is sound, and all there. Fragments have no ICMP fields, as they have no ports.
  if ((fields.kind & PacketFields::kIpv4) != 0) {
    fields.dscp = inner[1] >> 2;
    const uint32_t header = (inner[0] & 0xfU) * 4;
    room = std::min<uint32_t>(room, read16(inner + 2));
    const bool fragment = (read16(inner + 6) & 0x3fffU) != 0;
    if (fields.protocol == kProtocolIcmp && !fragment) read_icmp(inner + header, room - header, fields);
  } else if ((fields.kind & PacketFields::kIpv6) != 0) {
    fields.dscp = static_cast<uint8_t>((inner[0] & 0xfU) << 2 | inner[1] >> 6);
    const uint32_t payload = read16(inner + 4);
    if (payload != 0) room = std::min(room, kIpv6Bytes + payload);
    if (fields.protocol == kProtocolIcmp6) {
      const uint32_t transport = transport_offset6(inner, room);
      read_icmp(inner + transport, room - transport, fields);
    }
  } else if (type == kTypeArp) {
    read_arp(inner, room, fields);
  }
  return fields;
}

uint32_t beyond_key(const PacketFields& mask) noexcept {
  const auto any = [](const uint8_t* bytes, size_t count) {
    return std::any_of(bytes, bytes + count, [](uint8_t byte) { return byte != 0; });
  };
  uint32_t fields = 0;
  if ((mask.vlan & ~PacketFields::kVlanPriorityBits) != 0) fields |= kBeyondVlan;
  if ((mask.vlan & PacketFields::kVlanPriorityBits) != 0) fields |= kBeyondVlanPriority;
  if (mask.dscp != 0) fields |= kBeyondDscp;
  if ((mask.kind & PacketFields::kIcmp) != 0) fields |= kBeyondIcmp;
  if (any(mask.eth_source, 6) || any(mask.eth_destination, 6)) fields |= kBeyondMacs;
  if ((mask.kind & PacketFields::kArp) != 0) fields |= kBeyondArp;
  return fields;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/flow_key.h"

#include <rte_mbuf.h>

#include <algorithm>

namespace roost {
namespace {

constexpr uint32_t kEthernetBytes = 14;
constexpr uint32_t kVlanBytes = 4;
constexpr uint32_t kIpv4Bytes = 20;
constexpr uint32_t kIpv6Bytes = 40;
constexpr uint16_t kTypeIpv4 = 0x0800, kTypeIpv6 = 0x86dd, kTypeVlan = 0x8100, kTypeQinQ = 0x88a8;
constexpr uint16_t kTypesFrom = 0x0600;  // below, the field is a length

enum Protocol : uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kRouting = 43,
  kFragment = 44,
  kAuthentication = 51,
  kIcmp6 = 58,
  kDestination = 60,
  kSctp = 132,
  kMobility = 135,
  kHip = 139,
  kShim6 = 140,
  kUdpLite = 136,
  kDccp = 33,
};

uint16_t read16(const uint8_t* at) noexcept { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

struct Ports {
  uint16_t source = 0;
  uint16_t destination = 0;
};

// `room`: how many of the transport's bytes are there.
Ports ports_of(uint8_t protocol, const uint8_t* at, uint32_t room) noexcept {
  Ports ports;
  switch (protocol) {
    case kTcp:
    case kUdp:
    case kSctp:
    case kUdpLite:
    case kDccp:
      if (room >= sizeof ports) std::memcpy(&ports, at, sizeof ports);
      break;
    case kIcmp:
    case kIcmp6: {
      if (room < 8) break;
      const bool echo = protocol == kIcmp ? at[0] == 8 || at[0] == 0 : at[0] == 128 || at[0] == 129;
      if (echo) std::memcpy(&ports.source, at + 4, sizeof ports.source);
      break;
    }
    default:
      break;
  }
  return ports;
}

bool parse4(const uint8_t* ip, uint32_t length, uint16_t port, FlowKey& key) noexcept {
  if (length < kIpv4Bytes || ip[0] >> 4 != 4) return false;
  const uint32_t header = (ip[0] & 0xfU) * 4;
  const uint32_t total = read16(ip + 2);
  if (header < kIpv4Bytes || header > length || total < header) return false;
  const bool fragment = (read16(ip + 6) & 0x3fffU) != 0;  // more to come, or not the first
  // Not beyond the packet: short frames are padded.
  const uint32_t room = std::min(length, total) - header;
  const Ports ports = fragment ? Ports{} : ports_of(ip[9], ip + header, room);
  key.kind = FlowKey::Kind::k4;
  std::memcpy(&key.four.source, ip + 12, 8);
  key.four.source_port = ports.source;
  key.four.destination_port = ports.destination;
  key.four.protocol = ip[9];
  key.four.pad = 0;
  key.four.port = port;
  return true;
}

struct Transport {
  uint8_t protocol;
  bool fragment;
  uint32_t offset;  // where it begins; the packet's length where that can't be told
};

// Walks the extension headers. Each is at least 8 bytes long, so it goes on; their number is bounded all the same.
Transport transport6(const uint8_t* ip, uint32_t length) noexcept {
  Transport at{ip[6], false, kIpv6Bytes};
  for (uint32_t headers = 0;; ++headers) {
    const bool options = at.protocol == kHopByHop || at.protocol == kRouting || at.protocol == kDestination ||
                         at.protocol == kMobility || at.protocol == kHip || at.protocol == kShim6;
    const bool known = options || at.protocol == kFragment || at.protocol == kAuthentication;
    if (!known) return at;
    if (headers == kExtensionsMax || length - at.offset < 8) break;
    const uint8_t* header = ip + at.offset;
    uint32_t bytes = 8;
    if (options) bytes = (header[1] + 1U) * 8;
    if (at.protocol == kAuthentication) bytes = (header[1] + 2U) * 4;
    // An atomic fragment (offset 0, none to follow) is a whole datagram.
    if (at.protocol == kFragment) at.fragment = at.fragment || (read16(header + 2) & 0xfff9U) != 0;
    at.protocol = header[0];
    if (at.fragment || bytes > length - at.offset) break;  // what follows is in another fragment, or missing
    at.offset += bytes;
  }
  at.offset = length;
  return at;
}

bool parse6(const uint8_t* ip, uint32_t length, uint16_t port, FlowKey& key) noexcept {
  if (length < kIpv6Bytes || ip[0] >> 4 != 6) return false;
  const uint32_t payload = read16(ip + 4);
  if (payload != 0) length = std::min(length, kIpv6Bytes + payload);  // 0: none, or a jumbogram
  const Transport at = transport6(ip, length);
  const Ports ports = ports_of(at.protocol, ip + at.offset, length - at.offset);
  key.kind = FlowKey::Kind::kWide;
  std::memcpy(key.wide.source, ip + 8, 32);
  key.wide.source_port = ports.source;
  key.wide.destination_port = ports.destination;
  key.wide.protocol = at.protocol;
  key.wide.other = 0;
  key.wide.port = port;
  return true;
}

void key_other(const uint8_t* frame, uint32_t length, uint16_t type, uint16_t port, FlowKey& key) noexcept {
  key.kind = FlowKey::Kind::kWide;
  std::memset(&key.wide, 0, sizeof key.wide);
  if (length >= kEthernetBytes) {
    std::memcpy(key.wide.source, frame, 12);
    if (type >= kTypesFrom) std::memcpy(key.wide.source + 12, &type, sizeof type);
  }
  key.wide.protocol = 255;
  key.wide.other = 1;
  key.wide.port = port;
}

void parse(const uint8_t* frame, uint32_t length, uint16_t port, FlowKey& key) noexcept {
  uint32_t at = kEthernetBytes;
  uint16_t type = length < kEthernetBytes ? 0 : read16(frame + 12);
  for (int tag = 0; tag < 2 && (type == kTypeVlan || type == kTypeQinQ) && length - at >= kVlanBytes; ++tag) {
    type = read16(frame + at + 2);
    at += kVlanBytes;
  }
  if (type == kTypeIpv4 && parse4(frame + at, length - at, port, key)) return;
  if (type == kTypeIpv6 && parse6(frame + at, length - at, port, key)) return;
  key_other(frame, length, type, port, key);
}

}  // namespace

uint32_t transport_offset6(const uint8_t* ip, uint32_t length) noexcept {
  const Transport at = transport6(ip, length);
  return at.fragment ? length : at.offset;
}

FlowKey flow_key(const uint8_t* frame, uint32_t length, uint16_t port) noexcept {
  FlowKey key;
  parse(frame, length, port, key);
  return key;
}

void flow_keys(const rte_mbuf* const* packets, uint32_t count, uint16_t port, FlowKey* keys) noexcept {
  // In place: a key copied right after it was written field by field stalls on its own stores.
  for (uint32_t i = 0; i < count; ++i)
    parse(rte_pktmbuf_mtod(packets[i], const uint8_t*), packets[i]->data_len, port, keys[i]);
}

}  // namespace roost

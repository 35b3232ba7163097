// SPDX-License-Identifier: BSD-3-Clause
// Rules as access lists have them, and packets that fall under them, from a seed.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "core/rules/rule_table.h"

namespace roost::test {

class RandomRules {
 public:
  explicit RandomRules(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  // IPv4 by addresses, protocol and ports: prefixes of the usual lengths, of a few thousand networks.
  RuleMatch acl(bool ranges) {
    RuleMatch match;
    match.value.kind = match.mask.kind = PacketFields::kIp | PacketFields::kIpv4;
    static constexpr uint8_t kSources[] = {0, 0, 8, 16, 16, 20, 24, 24, 28, 32, 32};
    static constexpr uint8_t kDestinations[] = {0, 16, 22, 24, 24, 24, 26, 28, 30, 32, 32, 32};
    prefix(match.value.source, match.mask.source, network(), kSources[below(std::size(kSources))]);
    prefix(match.value.destination, match.mask.destination, network(), kDestinations[below(std::size(kDestinations))]);
    if (below(8) == 0) return match;
    match.value.protocol = below(3) == 0 ? 17 : 6;
    match.mask.protocol = 0xff;
    static constexpr uint16_t kPorts[] = {22, 25, 53, 80, 110, 123, 143, 443, 993, 1433, 3306, 5060, 8080};
    const uint32_t which = below(10);
    if (which < 7) {
      match.destination_ports.first = match.destination_ports.last = kPorts[below(std::size(kPorts))];
    } else if (which == 7) {
      match.destination_ports.first = match.destination_ports.last = static_cast<uint16_t>(random_());
    } else if (which == 8 && ranges) {
      match.destination_ports.first = 1024;
    }
    if (ranges && below(20) == 0) match.source_ports.first = 1024;
    return match;
  }

  // Any fields together that can be.
  RuleMatch any() {
    RuleMatch match = acl(true);
    if (below(3) == 0) match = {};
    if (match.mask.protocol != 0 && below(4) == 0) {
      const uint32_t first = below(1U << 16);
      match.destination_ports = {static_cast<uint16_t>(first),
                                 static_cast<uint16_t>(first + below((1U << 16) - first))};
      if (below(3) == 0) match.source_ports = {0, 1023};
    }
    if (below(5) == 0) {
      match.value.in_port = static_cast<uint16_t>(below(3));
      match.mask.in_port = 0xffff;
    }
    if (below(5) == 0) {
      match.value.vlan = static_cast<uint16_t>(PacketFields::kVlanTagged | below(3));
      match.mask.vlan = PacketFields::kVlanTagged | PacketFields::kVlanIdBits;
    }
    if (below(5) == 0) {
      match.value.dscp = static_cast<uint8_t>(below(3));
      match.mask.dscp = 0xff;
    }
    if (below(6) == 0) {
      match.value.eth_source[5] = static_cast<uint8_t>(below(3));
      std::memset(match.mask.eth_source, 0xff, 6);
    }
    if (below(6) == 0) match = six(match);
    return match;
  }

  // One that the match holds, and any else in what it says nothing of.
  PacketFields packet_in(const RuleMatch& match) {
    PacketFields packet = packet_anywhere();
    const auto value = match.value.words(), mask = match.mask.words();
    auto words = packet.words();
    for (uint32_t i = 0; i < kFieldWords; ++i) words[i] = (words[i] & ~mask[i]) | value[i];
    std::memcpy(static_cast<void*>(&packet), words.data(), sizeof packet);
    packet.source_port = htons(port_in(match.source_ports));
    packet.destination_port = htons(port_in(match.destination_ports));
    return packet;
  }
  PacketFields packet_anywhere() {
    PacketFields packet{};
    packet.kind = PacketFields::kIp | PacketFields::kIpv4;
    packet.eth_type = htons(0x0800);
    packet.in_port = static_cast<uint16_t>(below(3));
    packet.vlan = below(2) == 0 ? 0 : static_cast<uint16_t>(PacketFields::kVlanTagged | below(3));
    packet.dscp = static_cast<uint8_t>(below(3));
    packet.eth_source[5] = static_cast<uint8_t>(below(3));
    const uint32_t source = htonl(network() + below(256)), destination = htonl(network() + below(256));
    std::memcpy(packet.source, &source, 4);
    std::memcpy(packet.destination, &destination, 4);
    packet.protocol = below(3) == 0 ? 17 : 6;
    packet.source_port = htons(static_cast<uint16_t>(random_()));
    packet.destination_port = htons(below(2) == 0 ? 80 : static_cast<uint16_t>(random_()));
    return packet;
  }

 private:
  // Some networks many rules are about, others one.
  uint32_t network() {
    const uint32_t host = static_cast<uint32_t>(random_());
    return below(2) == 0 ? (10U << 24 | below(64) << 16 | (host & 0xffff)) : host;
  }
  static void prefix(uint8_t* value, uint8_t* mask, uint32_t address, uint32_t length) {
    const uint32_t bits = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    const uint32_t kept = htonl(address & bits), under = htonl(bits);
    std::memcpy(value, &kept, 4);
    std::memcpy(mask, &under, 4);
  }
  RuleMatch six(RuleMatch match) {
    match.value.kind = match.mask.kind = PacketFields::kIp | PacketFields::kIpv6;
    const uint32_t length = below(129);
    for (uint32_t i = 0; i < 16; ++i) {
      const uint32_t here = length <= 8 * i ? 0 : std::min(length - 8 * i, 8U);
      match.mask.source[i] = static_cast<uint8_t>(0xff00U >> here);
      match.value.source[i] = static_cast<uint8_t>(below(2) & match.mask.source[i]);
    }
    return match;
  }
  uint16_t port_in(PortRange range) {
    return static_cast<uint16_t>(range.first + below(uint32_t{range.last} - range.first + 1));
  }

  std::mt19937 random_;
};

// So many rules of it, of few priorities; the matches must outlive the rows.
template <typename Make>
std::vector<RuleRow> rows_of(std::vector<RuleMatch>& matches, uint32_t count, RandomRules& random, Make&& make) {
  matches.clear();
  matches.reserve(count);
  std::vector<RuleRow> rows;
  for (uint32_t i = 0; i < count; ++i) {
    matches.push_back(make());
    rows.push_back({&matches.back(), uint64_t{random.below(8)} << 32 | (count - i), i + 1, {}});
  }
  return rows;
}

}  // namespace roost::test

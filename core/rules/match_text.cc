// SPDX-License-Identifier: BSD-3-Clause
// A match in words; rule_text.h.
#include <arpa/inet.h>

#include <algorithm>
#include <bit>

#include "core/rules/dscp_names.h"
#include "core/rules/ip_protocols.h"
#include "core/rules/match_parser.h"
#include "core/rules/rule_text.h"

namespace roost {
namespace {

std::string mac_text(const uint8_t* mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

class Writer {
 public:
  void word(std::string_view text) {
    if (!text_.empty()) text_ += ' ';
    text_ += text;
  }
  template <typename Value>
  void field(std::string_view name, const Value& value) {
    word(fmt::format("{}={}", name, value));
  }
  void mac(std::string_view name, const uint8_t* value, const uint8_t* mask) {
    const auto is = [mask](uint8_t byte) { return std::all_of(mask, mask + 6, [=](uint8_t b) { return b == byte; }); };
    if (is(0)) return;
    field(name, is(0xff) ? mac_text(value) : mac_text(value) + "/" + mac_text(mask));
  }
  // Returns whether there is one.
  bool address(std::string_view name, const uint8_t* value, const uint8_t* mask, bool six) {
    const uint32_t bytes = six ? 16 : 4;
    uint32_t length = 0;
    for (uint32_t i = 0; i < bytes; ++i) length += static_cast<uint32_t>(std::popcount(mask[i]));
    if (length == 0) return false;
    char text[INET6_ADDRSTRLEN];
    inet_ntop(six ? AF_INET6 : AF_INET, value, text, sizeof text);
    field(name, length == 8 * bytes ? std::string(text) : fmt::format("{}/{}", text, length));
    return true;
  }
  void ports(std::string_view name, PortRange range) {
    if (range.any()) return;
    field(name,
          range.first == range.last ? fmt::format("{}", range.first) : fmt::format("{}-{}", range.first, range.last));
  }
  std::string text() && { return text_.empty() ? "any" : std::move(text_); }

 private:
  std::string text_;
};

void write_ip(const RuleMatch& match, Writer& out) {
  const PacketFields &value = match.value, &mask = match.mask;
  const bool four = (mask.kind & PacketFields::kIpv4) != 0, six = (mask.kind & PacketFields::kIpv6) != 0;
  const bool protocol = mask.protocol != 0;
  bool said =
      (protocol && ((four && value.protocol == ip_protocol::kIcmp) || (six && value.protocol == ip_protocol::kIcmp6)));
  const auto any = [](const uint8_t* bytes) {
    return std::any_of(bytes, bytes + 16, [](uint8_t b) { return b != 0; });
  };
  said = said || any(mask.source) || any(mask.destination);
  if (!said && (four || six)) out.word(four ? "ipv4" : "ipv6");
  if (!said && !four && !six && !protocol && mask.dscp == 0) out.word("ip");
  if (protocol) {
    switch (value.protocol) {
      case ip_protocol::kTcp:
        out.word("tcp");
        break;
      case ip_protocol::kUdp:
        out.word("udp");
        break;
      case ip_protocol::kSctp:
        out.word("sctp");
        break;
      default:
        if (value.protocol == ip_protocol::kIcmp && four) {
          out.word("icmp");
        } else if (value.protocol == ip_protocol::kIcmp6 && six) {
          out.word("icmp6");
        } else {
          out.field("proto", value.protocol);
        }
    }
  }
  out.address("src", value.source, mask.source, six);
  out.address("dst", value.destination, mask.destination, six);
  out.ports("sport", match.source_ports);
  out.ports("dport", match.destination_ports);
  if (mask.dscp != 0) {
    const auto* const name = std::find_if(std::begin(kDscpNames), std::end(kDscpNames),
                                          [&](const auto& each) { return each.second == value.dscp; });
    if (name != std::end(kDscpNames)) {
      out.field("dscp", name->first);
    } else {
      out.field("dscp", value.dscp);
    }
  }
  if (mask.icmp_type != 0) out.field("icmp_type", value.icmp_type);
  if (mask.icmp_code != 0) out.field("icmp_code", value.icmp_code);
}

void write_arp(const RuleMatch& match, Writer& out) {
  const PacketFields &value = match.value, &mask = match.mask;
  const uint16_t operation = ntohs(value.arp_operation);
  if (mask.arp_operation != 0)
    out.field("arp_op", operation == 1 ? "request" : operation == 2 ? "reply" : fmt::format("{}", operation));
  const bool sender = out.address("arp_spa", value.source, mask.source, false);
  const bool target = out.address("arp_tpa", value.destination, mask.destination, false);
  if (!sender && !target && mask.arp_operation == 0) out.word("arp_spa=0.0.0.0/0");  // any that is sound
}

}  // namespace

std::string match_text(const RuleMatch& match, const RuleNames& names) {
  Writer out;
  const PacketFields &value = match.value, &mask = match.mask;
  if (mask.in_port != 0) out.field("in", names.port(value.in_port));
  out.mac("eth_src", value.eth_source, mask.eth_source);
  out.mac("eth_dst", value.eth_destination, mask.eth_destination);
  if (mask.eth_type != 0) {
    const uint16_t type = ntohs(value.eth_type);
    if (type == kEthTypeArp) {
      out.word("arp");
    } else {
      out.field("eth_type", fmt::format("{:#06x}", type));
    }
  }
  if ((mask.vlan & PacketFields::kVlanIdBits) != 0) {
    out.field("vlan", value.vlan & PacketFields::kVlanIdBits);
  } else if ((mask.vlan & PacketFields::kVlanPriorityBits) == 0 && mask.vlan != 0) {
    out.field("vlan", value.vlan != 0 ? "any" : "none");
  }
  if ((mask.vlan & PacketFields::kVlanPriorityBits) != 0) out.field("pcp", value.vlan >> 13);
  if ((mask.kind & PacketFields::kIp) != 0) write_ip(match, out);
  if ((mask.kind & PacketFields::kArp) != 0) write_arp(match, out);
  return std::move(out).text();
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/match_parser.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "core/rules/dscp_names.h"
#include "core/rules/ip_protocols.h"

namespace roost {
namespace {

constexpr std::pair<std::string_view, uint8_t> kProtocols[] = {
    {"icmp", ip_protocol::kIcmp},      {"tcp", ip_protocol::kTcp},   {"udp", ip_protocol::kUdp},
    {"icmp6", ip_protocol::kIcmp6},    {"sctp", ip_protocol::kSctp}, {"dccp", ip_protocol::kDccp},
    {"udplite", ip_protocol::kUdpLite}};

std::optional<uint64_t> as_number(std::string_view text) {
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool read_mac(std::string_view text, uint8_t* mac) {
  if (text.size() != 17) return false;
  for (int i = 0; i < 6; ++i) {
    const char* const at = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(at, at + 2, mac[i], 16);
    if (error != std::errc() || end != at + 2 || (i < 5 && *end != ':')) return false;
  }
  return true;
}

bool masked(const uint8_t* value, const uint8_t* mask, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if ((value[i] & ~mask[i]) != 0) return false;
  return true;
}

}  // namespace

struct MatchParser::Field {
  std::string_view name;
  bool has_value;
  void (*read)(MatchParser&, std::string_view value);
};

void MatchParser::wrong(std::string_view what) const { fail("'{}': {}", word_, what); }

template <typename Number>
Number MatchParser::number(std::string_view text, uint64_t most) const {
  const auto value = as_number(text);
  if (!value || *value > most) wrong(fmt::format("not a whole number from 0 to {}", most));
  return static_cast<Number>(*value);
}

void MatchParser::want(Said& said, int value, std::string_view what) const {
  if (said.value != -1 && said.value != value)
    fail("'{}' and '{}' can't both be: no packet has two {}; take one of them out", said.by, word_, what);
}

void MatchParser::want_layer(Layer layer) {
  if (layer == kAnyIp && (layer_.value == kIpv4 || layer_.value == kIpv6)) return;
  if (!(layer_.value == kAnyIp && (layer == kIpv4 || layer == kIpv6))) want(layer_, layer, "network layers");
  layer_ = {layer, word_};
}

void MatchParser::protocol(uint8_t number) {
  want_layer(number == ip_protocol::kIcmp && word_ == "icmp"     ? kIpv4
             : number == ip_protocol::kIcmp6 && word_ == "icmp6" ? kIpv6
                                                                 : kAnyIp);
  want(protocol_, number, "protocols");
  protocol_ = {number, word_};
  match_.value.protocol = number;
  match_.mask.protocol = 0xff;
}

void MatchParser::type(std::string_view value) {
  uint16_t type = 0;
  if (value == "ipv4") {
    type = kEthTypeIpv4;
  } else if (value == "ipv6") {
    type = kEthTypeIpv6;
  } else if (value == "arp") {
    type = kEthTypeArp;
  } else {
    type = number<uint16_t>(value, UINT16_MAX);
  }
  if (type == 0x8100 || type == 0x88a8)
    wrong("the type looked at is the one behind VLAN tags; say 'vlan=any' for tagged packets");
  if (type < 0x0600) wrong("below 0x0600 it is a length, which rules don't look at");
  want(type_, type, "EtherTypes");
  type_ = {type, word_};
}

void MatchParser::vlan(std::string_view value) {
  uint16_t& mask = match_.mask.vlan;
  mask |= PacketFields::kVlanTagged;
  want(tagged_, value != "none", "kinds of tag");
  tagged_ = {value != "none", word_};
  if (value == "none") return;
  match_.value.vlan |= PacketFields::kVlanTagged;
  if (value == "any") return;
  mask |= PacketFields::kVlanIdBits;
  const auto id = as_number(value);
  if (!id || *id > 4'095) wrong("not a VLAN: give its id, 0 to 4095, or 'any', or 'none'");
  match_.value.vlan |= static_cast<uint16_t>(*id);
}

void MatchParser::pcp(std::string_view value) {
  const auto priority = number<uint16_t>(value, 7);
  want(tagged_, 1, "kinds of tag");
  tagged_ = {1, word_};
  match_.value.vlan |= static_cast<uint16_t>(priority << 13 | PacketFields::kVlanTagged);
  match_.mask.vlan |= PacketFields::kVlanPriorityBits | PacketFields::kVlanTagged;
}

void MatchParser::address(uint8_t* value, uint8_t* mask, std::string_view text, bool arp) {
  const size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  if (host.find('\0') != std::string::npos) wrong("there is a NUL character in it");
  const bool six = !arp && inet_pton(AF_INET6, host.c_str(), value) == 1;
  if (!six && inet_pton(AF_INET, host.c_str(), value) != 1)
    wrong(arp ? "not an IPv4 address, with or without /prefix" : "not an IP address, with or without /prefix");
  const uint32_t bits = six ? 128 : 32;
  uint32_t length = bits;
  if (slash != std::string_view::npos) {
    const auto given = as_number(text.substr(slash + 1));
    if (!given || *given > bits) wrong(fmt::format("the prefix must be a number from 0 to {}", bits));
    length = static_cast<uint32_t>(*given);
  }
  for (uint32_t bit = 0; bit < length; ++bit) mask[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  if (!masked(value, mask, bits / 8))
    wrong(fmt::format("there are bits behind the prefix; clear them, or say /{}", bits));
  want_layer(arp ? kArp : six ? kIpv6 : kIpv4);
}

void MatchParser::icmp(uint8_t& value, uint8_t& mask, std::string_view text) {
  value = number<uint8_t>(text, 255);
  mask = 0xff;
  icmp_ = {1, word_};
}

const std::vector<MatchParser::Field>& MatchParser::fields() {
  using P = MatchParser;
  using Text = std::string_view;
  static const auto mac = [](P& p, Text text, uint8_t* value, uint8_t* mask) {
    const size_t slash = text.find('/');
    std::fill(mask, mask + 6, uint8_t{0xff});
    if (!read_mac(text.substr(0, slash), value) || (slash != Text::npos && !read_mac(text.substr(slash + 1), mask)))
      p.wrong("not a MAC address, as 02:00:00:00:00:01, with or without /mask of the same form");
    if (!masked(value, mask, 6)) p.wrong("there are bits outside the mask; clear them");
  };
  static const auto ports = [](P& p, Text text, PortRange& range) {
    const size_t dash = text.find('-');
    range.first = p.number<uint16_t>(text.substr(0, dash), UINT16_MAX);
    range.last = dash == Text::npos ? range.first : p.number<uint16_t>(text.substr(dash + 1), UINT16_MAX);
    if (range.last < range.first) p.wrong("the range is empty; its lower end comes first");
    p.ports_ = {1, p.word_};
  };
  static const std::vector<Field> all = {
      {"in", true,
       [](P& p, Text v) {
         p.match_.value.in_port = parse_port(v, p.names_);
         p.match_.mask.in_port = UINT16_MAX;
       }},
      {"eth_src", true, [](P& p, Text v) { mac(p, v, p.match_.value.eth_source, p.match_.mask.eth_source); }},
      {"eth_dst", true, [](P& p, Text v) { mac(p, v, p.match_.value.eth_destination, p.match_.mask.eth_destination); }},
      {"eth_type", true, [](P& p, Text v) { p.type(v); }},
      {"vlan", true, [](P& p, Text v) { p.vlan(v); }},
      {"pcp", true, [](P& p, Text v) { p.pcp(v); }},
      {"ip", false, [](P& p, Text) { p.want_layer(kAnyIp); }},
      {"ipv4", false, [](P& p, Text) { p.want_layer(kIpv4); }},
      {"ipv6", false, [](P& p, Text) { p.want_layer(kIpv6); }},
      {"arp", false, [](P& p, Text) { p.type("arp"); }},
      {"tcp", false, [](P& p, Text) { p.protocol(ip_protocol::kTcp); }},
      {"udp", false, [](P& p, Text) { p.protocol(ip_protocol::kUdp); }},
      {"sctp", false, [](P& p, Text) { p.protocol(ip_protocol::kSctp); }},
      {"icmp", false, [](P& p, Text) { p.protocol(ip_protocol::kIcmp); }},
      {"icmp6", false, [](P& p, Text) { p.protocol(ip_protocol::kIcmp6); }},
      {"src", true, [](P& p, Text v) { p.address(p.match_.value.source, p.match_.mask.source, v, false); }},
      {"dst", true, [](P& p, Text v) { p.address(p.match_.value.destination, p.match_.mask.destination, v, false); }},
      {"sport", true, [](P& p, Text v) { ports(p, v, p.match_.source_ports); }},
      {"dport", true, [](P& p, Text v) { ports(p, v, p.match_.destination_ports); }},
      {"proto", true,
       [](P& p, Text v) {
         for (const auto& [name, number] : kProtocols)
           if (v == name) return p.protocol(number);
         p.protocol(p.number<uint8_t>(v, 255));
       }},
      {"dscp", true,
       [](P& p, Text v) {
         const auto named = dscp_of(v);
         p.match_.value.dscp = named ? *named : p.number<uint8_t>(v, 63);
         p.match_.mask.dscp = 0xff;
         p.want_layer(kAnyIp);
       }},
      {"icmp_type", true, [](P& p, Text v) { p.icmp(p.match_.value.icmp_type, p.match_.mask.icmp_type, v); }},
      {"icmp_code", true, [](P& p, Text v) { p.icmp(p.match_.value.icmp_code, p.match_.mask.icmp_code, v); }},
      {"arp_op", true,
       [](P& p, Text v) {
         const uint16_t op = v == "request" ? 1 : v == "reply" ? 2 : p.number<uint16_t>(v, UINT16_MAX);
         p.match_.value.arp_operation = htons(op);
         p.match_.mask.arp_operation = UINT16_MAX;
         p.want_layer(kArp);
       }},
      {"arp_spa", true, [](P& p, Text v) { p.address(p.match_.value.source, p.match_.mask.source, v, true); }},
      {"arp_tpa", true,
       [](P& p, Text v) { p.address(p.match_.value.destination, p.match_.mask.destination, v, true); }},
  };
  return all;
}

const std::vector<std::string_view>& MatchParser::known() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Field& field : fields()) all.push_back(field.name);
    return all;
  }();
  return names;
}

bool MatchParser::take(std::string_view word) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto& all = fields();
  const auto field = std::find_if(all.begin(), all.end(), [&](const Field& each) { return each.name == name; });
  if (field == all.end()) return false;
  word_ = word;
  if (field->has_value != (equals != std::string_view::npos))
    wrong(field->has_value ? fmt::format("a value is missing: {}=...", name) : "takes no value");
  if (!given_.emplace(name).second) wrong(fmt::format("'{}' is given twice; leave one out", name));
  field->read(*this, equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1));
  return true;
}

// What the layer and the EtherType say of each other, and the bits that stand for them.
void MatchParser::finish_layer() {
  constexpr std::array<uint16_t, 4> kTypes{0, kEthTypeIpv4, kEthTypeIpv6, kEthTypeArp};
  if (type_.value != -1) {
    const bool fits = layer_.value == -1 || kTypes[static_cast<size_t>(layer_.value)] == type_.value ||
                      (layer_.value == kAnyIp && (type_.value == kEthTypeIpv4 || type_.value == kEthTypeIpv6));
    if (!fits) fail("'{}' and '{}' can't both be: no packet has both; take one of them out", type_.by, layer_.by);
    match_.value.eth_type = htons(static_cast<uint16_t>(type_.value));
    match_.mask.eth_type = UINT16_MAX;
  }
  constexpr std::array<uint8_t, 4> kBits{PacketFields::kIp, PacketFields::kIp | PacketFields::kIpv4,
                                         PacketFields::kIp | PacketFields::kIpv6, PacketFields::kArp};
  if (layer_.value == -1) return;
  match_.value.kind |= kBits[static_cast<size_t>(layer_.value)];
  match_.mask.kind |= kBits[static_cast<size_t>(layer_.value)];
}

RuleMatch MatchParser::finish() {
  finish_layer();
  if (ports_.value != -1) {
    constexpr uint8_t kWithPorts[] = {ip_protocol::kTcp, ip_protocol::kUdp, ip_protocol::kSctp, ip_protocol::kUdpLite,
                                      ip_protocol::kDccp};
    if (std::find(std::begin(kWithPorts), std::end(kWithPorts), protocol_.value) == std::end(kWithPorts))
      fail("'{}': {}; ports are those of tcp, udp, sctp, proto=udplite or proto=dccp: say which", ports_.by,
           protocol_.value == -1 ? "of which protocol?" : fmt::format("'{}' has no ports", protocol_.by));
  }
  if (icmp_.value != -1) {
    if (protocol_.value != ip_protocol::kIcmp && protocol_.value != ip_protocol::kIcmp6)
      fail("'{}': {}; say 'icmp' or 'icmp6'", icmp_.by,
           protocol_.value == -1 ? "of which ICMP?" : fmt::format("'{}' has none", protocol_.by));
    match_.value.kind |= PacketFields::kIcmp;
    match_.mask.kind |= PacketFields::kIcmp;
  }
  return match_;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The firewall's rules as text. A file has a rule a line:
//
//   # the web, and name servers, but not from the test network
//   deny  any from 192.0.2.0/24
//   allow tcp to 10.1.0.0/16 port 80-443
//   allow udp from any port 53 to 10.1.0.0/16
//   default deny
//
// That is: allow|deny, then tcp|udp|sctp|icmp|any|NUMBER [from NET [port P[-Q]]] [to NET [port P[-Q]]], where NET is
// any, an address or a network. The first rule that fits counts. A configuration has {"rules": "FILE"}, or the lists
// "deny" and "allow" of rules without their first word, of which deny goes first; and "default".
#pragma once

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace firewall {

struct Net {
  uint32_t address = 0, bits = 0;
  uint16_t first_port = 0, last_port = UINT16_MAX;
};

struct Rule {
  bool allow = false;
  uint8_t protocol = 0, protocol_mask = 0;
  Net from, to;
};

struct RuleList {
  std::vector<Rule> rules;
  bool allow_rest = false;
};

[[noreturn]] inline void refuse(const std::string& what) { throw std::runtime_error(what); }

inline uint32_t number(const std::string& word, uint32_t most, const char* what) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value > most)
    refuse("'" + word + "' is no " + what + " (0 to " + std::to_string(most) + ")");
  return value;
}

inline bool parse_policy(const std::string& word) {
  if (word != "allow" && word != "deny") refuse("'" + word + "': say allow or deny");
  return word == "allow";
}

inline void parse_ports(const std::string& word, Net& net) {
  const size_t dash = word.find('-');
  net.first_port = static_cast<uint16_t>(number(word.substr(0, dash), UINT16_MAX, "port"));
  net.last_port = dash == std::string::npos ? net.first_port
                                            : static_cast<uint16_t>(number(word.substr(dash + 1), UINT16_MAX, "port"));
  if (net.first_port > net.last_port) refuse("ports '" + word + "' end before they begin");
}

inline Net parse_net(const std::string& word) {
  Net net;
  if (word == "any") return net;
  const size_t slash = word.find('/');
  in_addr address{};
  if (inet_pton(AF_INET, word.substr(0, slash).c_str(), &address) != 1)
    refuse("'" + word + "' is no IPv4 network (a.b.c.d or a.b.c.d/0 to /32, or any)");
  net.bits = slash == std::string::npos ? 32 : number(word.substr(slash + 1), 32, "prefix length");
  net.address = ntohl(address.s_addr);
  return net;
}

inline void parse_protocol(const std::string& word, Rule& rule) {
  static const std::map<std::string, uint8_t> names = {
      {"icmp", IPPROTO_ICMP}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};
  if (word == "any") return;
  const auto named = names.find(word);
  rule.protocol = named != names.end() ? named->second : static_cast<uint8_t>(number(word, UINT8_MAX, "protocol"));
  rule.protocol_mask = UINT8_MAX;
}

inline bool has_ports(uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

// All of a rule but its first word.
inline Rule parse_rule(bool allow, std::istream& words) {
  Rule rule;
  rule.allow = allow;
  std::string word;
  if (!(words >> word)) refuse("a rule needs a protocol: tcp, udp, sctp, icmp, any or a number");
  parse_protocol(word, rule);
  for (Net* net = nullptr; words >> word;) {
    std::string value;
    if (word != "from" && word != "to" && word != "port") refuse("'" + word + "': expected from, to or port");
    if (!(words >> value)) refuse("'" + word + "' of what?");
    if (word == "port" && net == nullptr) refuse("'port' stands behind a network: to any port " + value);
    if (word == "port" && !has_ports(rule.protocol)) refuse("only tcp, udp and sctp have ports");
    if (word == "port")
      parse_ports(value, *net);
    else
      *(net = word == "from" ? &rule.from : &rule.to) = parse_net(value);
  }
  return rule;
}

inline RuleList parse_file(const std::string& path, bool allow_rest) {
  RuleList list{{}, allow_rest};
  std::ifstream file(path);
  if (!file) refuse("rules '" + path + "': cannot open the file");
  std::string line, word;
  for (uint32_t at = 1; std::getline(file, line); ++at) {
    std::istringstream words(line.substr(0, line.find('#')));
    if (!(words >> word)) continue;
    try {
      if (word != "default")
        list.rules.push_back(parse_rule(parse_policy(word), words));
      else if (words >> word; (list.allow_rest = parse_policy(word)), words >> word)
        refuse("'" + word + "' behind the default");
    } catch (const std::runtime_error& error) {
      refuse("rules '" + path + "', line " + std::to_string(at) + ": " + error.what());
    }
  }
  return list;
}

inline void check_keys(const nlohmann::json& config) {
  for (const auto& item : config.items()) {
    const std::string& key = item.key();
    if (key != "rules" && key != "deny" && key != "allow" && key != "default" && key != "other")
      refuse("unknown key '" + key + "'; there are rules, deny, allow, default, other");
  }
  if (config.contains("rules") && (config.contains("deny") || config.contains("allow")))
    refuse("give either \"rules\" or the lists \"deny\" and \"allow\"");
}

inline RuleList parse_config(const nlohmann::json& config) {
  check_keys(config);
  const bool allow_rest = parse_policy(config.value("default", std::string("deny")));
  if (config.contains("rules")) return parse_file(config.at("rules").get<std::string>(), allow_rest);
  RuleList list{{}, allow_rest};
  for (const char* policy : {"deny", "allow"}) {
    for (const auto& text : config.value(policy, nlohmann::json::array())) try {
        std::istringstream words(text.get<std::string>());
        list.rules.push_back(parse_rule(parse_policy(policy), words));
      } catch (const std::exception& error) {
        refuse(std::string(policy) + " " + text.dump() + ": " + error.what());
      }
  }
  return list;
}

}  // namespace firewall

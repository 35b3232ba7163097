// SPDX-License-Identifier: BSD-3-Clause
// The fields of a match, one after the other; what they imply, and whether they can be together. For rule_text.cc.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/rules/rule_text.h"

namespace roost {

inline constexpr uint16_t kEthTypeIpv4 = 0x0800, kEthTypeArp = 0x0806, kEthTypeIpv6 = 0x86dd;

class MatchParser {
 public:
  explicit MatchParser(const RuleNames& names) noexcept : names_(names) {}

  // `word`: as it stands, "tcp" or "dport=80". False: that is no field. Throws Error.
  bool take(std::string_view word);
  // After the last one. Throws Error where nothing can match.
  RuleMatch finish();

  static const std::vector<std::string_view>& known();  // all fields, for messages

 private:
  struct Field;
  static const std::vector<Field>& fields();

  // Something that a field implies, and which of them said so first.
  struct Said {
    int value = -1;
    std::string by{};
  };
  enum Layer : int { kAnyIp, kIpv4, kIpv6, kArp };
  void want_layer(Layer layer);
  void want(Said& said, int value, std::string_view what) const;
  void type(std::string_view value);
  void vlan(std::string_view value);
  void pcp(std::string_view value);
  void protocol(uint8_t number);
  void address(uint8_t* value, uint8_t* mask, std::string_view text, bool arp);
  void icmp(uint8_t& value, uint8_t& mask, std::string_view text);
  void finish_layer();
  [[noreturn]] void wrong(std::string_view what) const;
  template <typename Number>
  Number number(std::string_view text, uint64_t most) const;

  const RuleNames& names_;
  RuleMatch match_;
  std::set<std::string, std::less<>> given_;
  std::string word_;  // that is being looked at
  Said layer_, protocol_, type_, tagged_, ports_, icmp_;
};

}  // namespace roost

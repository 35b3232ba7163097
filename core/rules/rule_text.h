// SPDX-License-Identifier: BSD-3-Clause
// Rules as people write them, one a line: `priority=100 in=lan0 tcp dst=10.0.0.0/8 dport=80 chain=web idle=60`.
// docs/rules.md describes the fields.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/rules/match.h"

namespace roost {

// The names that rules use, and their numbers.
class RuleNames {
 public:
  using Numbers = std::map<std::string, uint16_t, std::less<>>;
  RuleNames() = default;
  RuleNames(Numbers chains, Numbers ports);

  const Numbers& chains() const noexcept { return chains_; }
  const Numbers& ports() const noexcept { return ports_; }
  std::string chain(uint16_t number) const { return name_of(chain_names_, number); }
  std::string port(uint16_t number) const { return name_of(port_names_, number); }

 private:
  static std::string name_of(const std::map<uint16_t, std::string>& names, uint16_t number);

  Numbers chains_, ports_;
  std::map<uint16_t, std::string> chain_names_, port_names_;
};

inline constexpr uint32_t kRulePriority = 1'000;  // where a rule says none
inline constexpr uint32_t kRulePriorityMost = 65'535;
inline constexpr uint32_t kRuleTimeoutMost_s = 86'400 * 365;

struct RuleSpec {
  RuleMatch match{};
  RuleAction action{};
  uint32_t priority = kRulePriority;
  uint32_t idle_s = 0, hard_s = 0;  // 0: it stays
};

// All throw Error, which names the field, what is wrong with it, and the remedy.
RuleSpec parse_rule(std::string_view text, const RuleNames& names);
RuleMatch parse_match(std::string_view text, const RuleNames& names);
uint16_t parse_chain(std::string_view name, const RuleNames& names);
uint16_t parse_port(std::string_view name, const RuleNames& names);

// As parse_match() reads it; "any" where all packets match.
std::string match_text(const RuleMatch& match, const RuleNames& names);
std::string action_text(const RuleAction& action, const RuleNames& names);  // "chain=web", "port=wan", "drop"

}  // namespace roost

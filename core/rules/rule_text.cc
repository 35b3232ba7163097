// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/rule_text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/rules/match_parser.h"
#include "core/text.h"

namespace roost {
namespace {

std::string_view next_word(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

uint32_t number_in(std::string_view word, std::string_view value, uint32_t most) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number > most)
    fail("'{}': not a whole number from 0 to {}", word, most);
  return number;
}

[[noreturn]] void unknown(std::string_view word, const std::vector<std::string_view>& more) {
  std::vector<std::string_view> known = MatchParser::known();
  known.insert(known.end(), more.begin(), more.end());
  const std::string_view nearest = nearest_word(word.substr(0, word.find('=')), known);
  if (!nearest.empty()) fail("'{}' isn't known; did you mean '{}'?", word, nearest);
  fail("'{}' isn't known; there are: {}", word, fmt::join(known, ", "));
}

uint16_t number_of(std::string_view name, const RuleNames::Numbers& names, std::string_view kind) {
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  if (names.empty()) fail("there is no {} '{}'; there are none yet", kind, name);
  std::vector<std::string_view> known;
  for (const auto& each : names) known.push_back(each.first);
  const std::string_view nearest = nearest_word(name, known);
  if (!nearest.empty()) fail("there is no {} '{}'; did you mean '{}'?", kind, name, nearest);
  fail("there is no {} '{}'; use one of: {}", kind, name, fmt::join(known, ", "));
}

}  // namespace

RuleNames::RuleNames(Numbers chains, Numbers ports) : chains_(std::move(chains)), ports_(std::move(ports)) {
  for (const auto& [name, number] : chains_) chain_names_[number] = name;
  for (const auto& [name, number] : ports_) port_names_[number] = name;
}

std::string RuleNames::name_of(const std::map<uint16_t, std::string>& names, uint16_t number) {
  const auto found = names.find(number);
  return found == names.end() ? fmt::format("#{}", number) : found->second;
}

uint16_t parse_chain(std::string_view name, const RuleNames& names) { return number_of(name, names.chains(), "chain"); }
uint16_t parse_port(std::string_view name, const RuleNames& names) { return number_of(name, names.ports(), "port"); }

RuleMatch parse_match(std::string_view text, const RuleNames& names) {
  MatchParser match(names);
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text))
    if (word != "any" && !match.take(word)) unknown(word, {"any"});
  return match.finish();
}

RuleSpec parse_rule(std::string_view text, const RuleNames& names) {
  RuleSpec rule;
  MatchParser match(names);
  std::string_view action;
  std::vector<std::string_view> given;
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (name == "priority" || name == "idle" || name == "hard") {
      if (std::find(given.begin(), given.end(), name) != given.end())
        fail("'{}': '{}' is given twice; leave one out", word, name);
      given.push_back(name);
    }
    if (name == "priority") {
      rule.priority = number_in(word, value, kRulePriorityMost);
    } else if (name == "idle") {
      rule.idle_s = number_in(word, value, kRuleTimeoutMost_s);
    } else if (name == "hard") {
      rule.hard_s = number_in(word, value, kRuleTimeoutMost_s);
    } else if (name == "chain" || name == "port" || word == "drop") {
      if (!action.empty()) fail("'{}' and '{}' are two actions; a rule has one", action, word);
      action = word;
      if (name == "chain") rule.action = {RuleAction::Kind::chain, parse_chain(value, names)};
      if (name == "port") rule.action = {RuleAction::Kind::port, parse_port(value, names)};
    } else if (word != "any" && !match.take(word)) {
      unknown(word, {"any", "priority", "idle", "hard", "chain", "port", "drop"});
    }
  }
  rule.match = match.finish();
  if (action.empty()) fail("the rule says not what to do; add chain=NAME, port=NAME or drop");
  return rule;
}

std::string action_text(const RuleAction& action, const RuleNames& names) {
  if (action.kind == RuleAction::Kind::drop) return "drop";
  return action.kind == RuleAction::Kind::chain ? "chain=" + names.chain(action.number)
                                                : "port=" + names.port(action.number);
}

}  // namespace roost

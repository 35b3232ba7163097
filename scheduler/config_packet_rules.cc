// SPDX-License-Identifier: BSD-3-Clause
// [[rules]]: which packets go where. docs/rules.md describes matches.
#include <algorithm>

#include "core/error.h"
#include "scheduler/config_parts.h"
#include "scheduler/rule_book.h"

namespace roost {
namespace {

RuleNames names_in(const ManagerConfig& config) {
  RuleNames::Numbers chains, ports;
  for (const auto& chain : config.chains) chains.emplace(chain.name, static_cast<uint16_t>(chains.size()));
  for (const auto& port : config.ports) ports.emplace(port.name, static_cast<uint16_t>(ports.size()));
  return {std::move(chains), std::move(ports)};
}

void read_action(TableReader& reader, const RuleNames& names, RuleAction& action) {
  const bool drops = reader.flag("drop").value_or(false);
  const int actions = int{drops} + int{reader.has("chain")} + int{reader.has("port")};
  const auto chain = reader.text("chain"), port = reader.text("port");
  if (actions != 1) {
    reader.problems().add(reader.where(), "{}: {}; give it chain, port, or drop = true", reader.name(),
                          actions == 0 ? "says not what to do" : "has more than one action");
    return;
  }
  try {
    if (chain) action = {RuleAction::Kind::chain, parse_chain(*chain, names)};
    if (port) action = {RuleAction::Kind::port, parse_port(*port, names)};
  } catch (const Error& error) {
    reader.problems().add(reader.where(chain ? "chain" : "port"), "{}: {}", reader.name(), error.what());
  }
}

// Needs all rules, without mistakes.
void look_at_all(TableReader& root, const std::vector<uint32_t>& lines, ManagerConfig& config) {
  try {
    RuleBook book;
    for (const auto& [rule, by] : book.change({.add = config.rules}, 0).shadows)
      config.warnings.push_back(fmt::format(
          "configuration: the rule of line {} is never reached: that of line {} matches all that it does, and comes "
          "first; change their priorities, or take one out",
          lines[rule - 1], lines[by - 1]));
  } catch (const Error& error) {
    root.problems().add(root.where("rules"), "{}", error.what());
  }
}

}  // namespace

void read_packet_rules(TableReader& root, ManagerConfig& config) {
  const RuleNames names = names_in(config);
  std::vector<uint32_t> lines;
  for (const toml::table* table : root.tables("rules")) {
    lines.push_back(table->source().begin.line);
    TableReader reader(*table, fmt::format("rule {}", lines.size()), root.problems());
    RuleSpec& rule = config.rules.emplace_back();
    const auto match = reader.text("match");
    try {
      if (match) rule.match = parse_match(*match, names);
    } catch (const Error& error) {
      reader.problems().add(reader.where("match"), "{}: {}", reader.name(), error.what());
    }
    reader.into(rule.priority, "priority", 0, kRulePriorityMost);
    reader.into(rule.idle_s, "idle_s", 0, kRuleTimeoutMost_s);
    reader.into(rule.hard_s, "hard_s", 0, kRuleTimeoutMost_s);
    read_action(reader, names, rule.action);
    reader.finish();
  }
  if (!config.rules.empty() && root.problems().none()) look_at_all(root, lines, config);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// [[rules]] in the configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "scheduler/config.h"

namespace roost::config_packet_rules_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const ConfigContext kCores{.setting_problem = {}, .cores = {0, 1}};
const std::string kRest =
    "ports = [{ name = 'in', kind = 'null' }, { name = 'out', kind = 'null' }]\n"
    "services = [{ name = 's' }]\n"
    "chains = [{ name = 'a', services = ['s'], out = 'out' }, { name = 'web', services = ['s'], out = 'out' }]\n";

ManagerConfig parse(const std::string& rules) { return parse_config(kRest + rules, "roost.toml", kCores); }
std::string problems(const std::string& rules) {
  try {
    parse(rules);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ConfigPacketRules, AreRead) {
  const ManagerConfig config = parse(
      "[[rules]]\nmatch = 'tcp dport=80'\nchain = 'web'\npriority = 7\nidle_s = 5\nhard_s = 6\n"
      "[[rules]]\nmatch = 'in=out'\ndrop = true\n"
      "[[rules]]\nport = 'out'\npriority = 0\n");
  ASSERT_EQ(config.rules.size(), 3U);
  EXPECT_EQ(config.rules[0].match.destination_ports, (PortRange{80, 80}));
  EXPECT_EQ(config.rules[0].action, (RuleAction{RuleAction::Kind::chain, 1}));
  EXPECT_EQ(config.rules[0].priority, 7U);
  EXPECT_EQ(config.rules[0].idle_s, 5U);
  EXPECT_EQ(config.rules[0].hard_s, 6U);
  EXPECT_EQ(config.rules[1].action.kind, RuleAction::Kind::drop);
  EXPECT_EQ(config.rules[1].match.value.in_port, 1U);
  EXPECT_EQ(config.rules[1].priority, kRulePriority);
  EXPECT_EQ(config.rules[2].action, (RuleAction{RuleAction::Kind::port, 1}));
  EXPECT_TRUE(config.warnings.empty());
}

TEST(ConfigPacketRules, ProblemsComeWithTheirLinesAndRemedies) {
  EXPECT_THAT(problems("[[rules]]\nmatch = 'tcp dprot=80'\nchain = 'wbe'\n"
                       "[[rules]]\nmatch = 'dport=80'\n"
                       "[[rules]]\ndrop = true\nport = 'in'\n"
                       "[[rules]]\ndrop = false\npriority = 70000\n"
                       "[[rules]]\nmatch = 7\nport = 'eth7'\nprio = 3\n"),
              AllOf(HasSubstr("roost.toml:5:9: rule 1: 'dprot=80' isn't known; did you mean 'dport'?"),
                    HasSubstr("roost.toml:6:9: rule 1: there is no chain 'wbe'; did you mean 'web'?"),
                    HasSubstr("rule 2: 'dport=80': of which protocol?"),
                    HasSubstr("rule 2: says not what to do; give it chain, port, or drop = true"),
                    HasSubstr("rule 3: has more than one action"), HasSubstr("rule 4: says not what to do"),
                    HasSubstr("rule 4: priority = 70000 is out of range; use 0 to 65535"),
                    HasSubstr("rule 5: 'match' is a whole number"), HasSubstr("rule 5: there is no port 'eth7'"),
                    HasSubstr("rule 5: 'prio' isn't a key here")));
}

TEST(ConfigPacketRules, ShadowedOnesAreWarnedOf) {
  const ManagerConfig config = parse(
      "[[rules]]\nmatch = 'ip'\nchain = 'a'\n"
      "[[rules]]\nmatch = 'udp'\nchain = 'web'\n"
      "[[rules]]\nmatch = 'udp'\nchain = 'web'\npriority = 2000\n");
  EXPECT_THAT(config.warnings,
              ElementsAre(HasSubstr("the rule of line 7 is never reached: that of line 10 matches all that it does")));
}

}  // namespace
}  // namespace roost::config_packet_rules_test

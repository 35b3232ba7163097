// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "scheduler/config.h"

namespace roost::config_rules_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kPort = "[[ports]]\nname = 'p'\nkind = 'null'\n";

std::string problems(const std::string& text) {
  try {
    parse_config(text + kPort, "roost.toml", {.setting_problem = {}, .cores = {0, 1}});
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ConfigRules, AContradictionIsReportedAtTheLaterOfTheTwo) {
  EXPECT_THAT(problems("[settings]\noverrun_us = 4000\nspin_us = 1\nidle_poll_us = 2000\n"),
              AllOf(HasSubstr("roost.toml:4:1: settings 'idle_poll_us' (2000) and 'overrun_us' (4000) contradict each "
                              "other:"),
                    HasSubstr("lower idle_poll_us to 1000, or raise overrun_us to 8000")));
  EXPECT_THAT(problems("[settings]\nidle_poll_us = 2000\noverrun_us = 4000\n"), HasSubstr("roost.toml:3:1: settings"));
  EXPECT_EQ(problems("[settings]\nidle_poll_us = 1000\noverrun_us = 4000\n"), "accepted");
}

TEST(ConfigRules, AgainstWhatIsNotGivenTheStandardValueCounts) {
  EXPECT_THAT(problems("[settings]\nidle_poll_us = 30000\n"),
              HasSubstr("roost.toml:2:1: settings 'idle_poll_us' (30000) and 'overrun_us' (100000)"));
  EXPECT_THAT(problems("[memory]\npackets = 1024\n[settings]\nwake_packets = 600\n"),
              HasSubstr("roost.toml:4:1: settings 'wake_packets' (600) and 'buffer_alpha_percent' (100)"));
  EXPECT_EQ(problems("[settings]\nwake_packets = 600\n"), "accepted");
}

TEST(ConfigRules, AServicesOwnCountAgainstTheManagers) {
  const std::string service = "[[services]]\nname = 'a'\nsettings = ";
  const std::string late = "[settings]\nwake_deadline_us = 6000\n";
  EXPECT_EQ(problems(late + service + "{ spin_us = 3 }\n"), "accepted");
  EXPECT_THAT(
      problems(late + service + "{ resume_ms = 0 }\n[[services]]\nname = 'b'\nsettings = { wake_packets = 9 }\n"),
      AllOf(HasSubstr("roost.toml:8:"), HasSubstr("'wake_deadline_us' (6000) of service 'b' contradict"),
            Not(HasSubstr("service 'a'"))));
  EXPECT_EQ(problems(late + service + "{ wake_packets = 9, wake_deadline_us = 10 }\n"), "accepted");
  EXPECT_THAT(problems(service + "{ resume_most_ms = 9 }\n"),
              HasSubstr("roost.toml:3:14: settings 'resume_ms' (10000) and 'resume_most_ms' (9) of service 'a'"));
}

TEST(ConfigRules, WhatContradictsForAllIsReportedOnce) {
  const std::string text = problems(
      "[settings]\nresume_most_ms = 9\n[[services]]\nname = 'a'\nsettings = { weight = 7 }\n[[services]]\nname = "
      "'b'\n");
  EXPECT_THAT(text, AllOf(HasSubstr("roost.toml:2:1:"), Not(HasSubstr("service"))));
}

TEST(ConfigRules, WhatIsOnlyUnwiseIsAccepted) {
  EXPECT_EQ(problems("[settings]\nwake_packets = 8\nwake_deadline_us = 0\n"), "accepted");
  EXPECT_EQ(problems("[settings]\nwake_packets = 8\ninbox_slots = 4\nwake_ahead = 1\n"), "accepted");
}

TEST(ConfigRules, RestartIsASettingByAnotherName) {
  const std::string service = "[[services]]\nname = 'a'\n";
  const auto policy = [&](const std::string& line) {
    const ManagerConfig config =
        parse_config(service + line + kPort, "roost.toml", {.setting_problem = {}, .cores = {0}});
    const auto& settings = config.services.at(0).settings;
    return settings.contains("restart_policy") ? static_cast<int>(settings.at("restart_policy")) : -1;
  };
  EXPECT_EQ(policy(""), -1);
  EXPECT_EQ(policy("restart = 'never'\n"), 0);
  EXPECT_EQ(policy("restart = 'on-failure'\n"), 1);
  EXPECT_EQ(policy("restart = 'always'\n"), 2);
  EXPECT_EQ(policy("settings = { restart_policy = 2 }\n"), 2);
  EXPECT_THAT(problems(service + "restart = 'on-failur'\n"), HasSubstr("on-failure"));
  EXPECT_THAT(problems(service + "restart = 'always'\nsettings = { restart_policy = 2 }\n"),
              AllOf(HasSubstr("roost.toml:3:"), HasSubstr("leave one out")));
  EXPECT_THAT(problems(service + "settings = { restart_ms = 90000 }\n"),
              HasSubstr("settings 'restart_ms' (90000) and 'restart_most_ms' (60000) of service 'a' contradict"));
}

}  // namespace
}  // namespace roost::config_rules_test

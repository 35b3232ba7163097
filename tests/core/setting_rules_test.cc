// SPDX-License-Identifier: BSD-3-Clause
#include "core/setting_rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace roost {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kPackets = 32'768;

using Values = std::map<Setting, uint64_t>;

SettingValues values_of(const Values& some) {
  SettingValues values(Settings(), kPackets);
  for (const auto& [setting, value] : some) {
    Settings::check(setting, value);  // each is in its range
    values.set(setting, value);
  }
  return values;
}

std::string name_of(Setting setting) { return std::string(setting_specs()[static_cast<size_t>(setting)].name); }

struct Case {
  Setting one, other;
  Severity severity;
  Values broken, kept;  // on the two sides of the bound
  const char* remedy;
};

const std::vector<Case>& cases() {
  using S = Setting;
  static const std::vector<Case> all{
      {S::resume_ms,
       S::resume_most_ms,
       Severity::refused,
       {{S::resume_ms, 501}, {S::resume_most_ms, 500}},
       {{S::resume_ms, 500}, {S::resume_most_ms, 500}},
       "raise resume_most_ms to 501"},
      {S::resume_ms,
       S::resume_most_ms,
       Severity::refused,
       {{S::resume_most_ms, 9'999}},
       {{S::resume_ms, 0}, {S::resume_most_ms, 1}},
       "lower resume_ms"},
      {S::restart_ms,
       S::restart_most_ms,
       Severity::refused,
       {{S::restart_ms, 501}, {S::restart_most_ms, 500}},
       {{S::restart_ms, 500}, {S::restart_most_ms, 500}},
       "raise restart_most_ms to 501"},
      {S::idle_poll_us,
       S::overrun_us,
       Severity::refused,
       {{S::idle_poll_us, 25'001}},
       {{S::idle_poll_us, 25'000}},
       "lower idle_poll_us to 25000, or raise overrun_us to 100004"},
      {S::idle_poll_us,
       S::overrun_us,
       Severity::refused,
       {{S::overrun_us, 100}, {S::idle_poll_us, 1'001}},
       {{S::overrun_us, 100}, {S::idle_poll_us, 1'000}},
       "lower idle_poll_us to 1000"},
      {S::idle_poll_us,
       S::overrun_us,
       Severity::refused,
       {{S::overrun_us, 100}, {S::idle_poll_us, 1'000'000}},
       {{S::overrun_us, 0}, {S::idle_poll_us, 1'000'000}},
       "0: no overruns"},
      {S::quantum_us,
       S::overrun_us,
       Severity::refused,
       {{S::quantum_us, 100'000}},
       {{S::quantum_us, 99'999}},
       "raise overrun_us above that"},
      {S::quantum_us,
       S::overrun_us,
       Severity::refused,
       {{S::quantum_us, 10'000}, {S::weight, 1'000}},
       {{S::quantum_us, 10'000}, {S::weight, 999}},
       "an NF of weight 1000 may spend 100000 us"},
      {S::quantum_us,
       S::overrun_us,
       Severity::refused,
       {{S::quantum_us, 1'000}, {S::overrun_us, 1}},
       {{S::quantum_us, 999}, {S::overrun_us, 1}},
       "lower quantum_us or weight"},
      {S::quantum_us,
       S::overrun_us,
       Severity::refused,
       {{S::quantum_us, 100'000}},
       {{S::quantum_us, 100'000}, {S::run_policy, 0}},
       "run_policy 1"},
      {S::quantum_us,
       S::overrun_us,
       Severity::refused,
       {{S::quantum_us, 100'000}},
       {{S::quantum_us, 100'000}, {S::overrun_us, 0}},
       "quarantined"},
      {S::ecn_sojourn_us,
       S::wake_deadline_us,
       Severity::refused,
       {{S::wake_packets, 2}, {S::wake_deadline_us, 5'000}},
       {{S::wake_packets, 2}, {S::wake_deadline_us, 4'999}},
       "raise ecn_sojourn_us above 5000"},
      {S::ecn_sojourn_us,
       S::wake_deadline_us,
       Severity::refused,
       {{S::wake_packets, 2}, {S::ecn_sojourn_us, 1}},
       {{S::wake_packets, 1}, {S::ecn_sojourn_us, 1}},
       "lower wake_deadline_us"},
      {S::ecn_sojourn_us,
       S::wake_deadline_us,
       Severity::refused,
       {{S::wake_packets, 2}, {S::ecn_sojourn_us, 50}},
       {{S::wake_packets, 2}, {S::ecn_sojourn_us, 0}},
       "0: no marks"},
      {S::ecn_sojourn_us,
       S::sojourn_target_us,
       Severity::refused,
       {{S::sojourn_target_us, 5'000}},
       {{S::sojourn_target_us, 4'999}},
       "raise ecn_sojourn_us above 5000"},
      {S::ecn_sojourn_us,
       S::sojourn_target_us,
       Severity::refused,
       {{S::sojourn_target_us, 400}, {S::ecn_sojourn_us, 300}},
       {{S::sojourn_target_us, 400}, {S::ecn_sojourn_us, 0}},
       "lower sojourn_target_us"},
      {S::wake_packets,
       S::buffer_alpha_percent,
       Severity::refused,
       {{S::wake_packets, kPackets / 2 + 1}},
       {{S::wake_packets, kPackets / 2}},
       "lower wake_packets to 16384"},
      {S::wake_packets,
       S::buffer_alpha_percent,
       Severity::refused,
       {{S::wake_packets, kPackets + 1}, {S::buffer_alpha_percent, 0}},
       {{S::wake_packets, kPackets}, {S::buffer_alpha_percent, 0}},
       "of the 32768 packets that there are"},
      {S::wake_packets,
       S::inbox_slots,
       Severity::warned,
       {{S::wake_packets, 65}, {S::inbox_slots, 64}},
       {{S::wake_packets, 64}, {S::inbox_slots, 64}},
       "woken by wake_deadline_us alone"},
      {S::wake_packets,
       S::inbox_slots,
       Severity::warned,
       {{S::wake_packets, 5}, {S::inbox_slots, 4}},
       {{S::wake_packets, 5}, {S::inbox_slots, 0}},
       "dropped"},
      {S::wake_packets,
       S::wake_deadline_us,
       Severity::warned,
       {{S::wake_packets, 2}, {S::wake_deadline_us, 0}},
       {{S::wake_packets, 1}, {S::wake_deadline_us, 0}},
       "raise wake_deadline_us"},
      {S::wake_packets,
       S::wake_ahead,
       Severity::warned,
       {{S::wake_packets, 2}, {S::wake_ahead, 1}},
       {{S::wake_packets, 1}, {S::wake_ahead, 1}},
       "for the first one only"},
  };
  return all;
}

TEST(SettingRules, TheStandardValuesAgree) { EXPECT_THAT(conflicts_in(values_of({})), IsEmpty()); }

TEST(SettingRules, EachRefusesOneSideOfItsBoundAndNotTheOther) {
  for (const Case& each : cases()) {
    const SettingValues broken = values_of(each.broken), kept = values_of(each.kept);
    const auto conflicts = conflicts_in(broken);
    ASSERT_EQ(conflicts.size(), 1U) << each.remedy;
    const SettingRule& rule = *conflicts.front();
    EXPECT_EQ(rule.one, each.one) << each.remedy;
    EXPECT_EQ(rule.other, each.other) << each.remedy;
    EXPECT_EQ(rule.severity, each.severity) << each.remedy;
    EXPECT_THAT(conflict_text(rule, broken, " of NF 7"),
                AllOf(HasSubstr(fmt::format("'{}' ({})", name_of(each.one), broken.get(each.one))),
                      HasSubstr(fmt::format("'{}' ({}) of NF 7", name_of(each.other), broken.get(each.other))),
                      HasSubstr(each.remedy)));
    EXPECT_THAT(conflicts_in(kept), IsEmpty()) << each.remedy;
  }
}

TEST(SettingRules, EachIsTried) {
  std::set<std::pair<Setting, Setting>> tried;
  for (const Case& each : cases()) tried.emplace(each.one, each.other);
  for (const SettingRule& rule : setting_rules())
    EXPECT_TRUE(tried.contains({rule.one, rule.other})) << name_of(rule.one) << ", " << name_of(rule.other);
}

TEST(SettingRules, WithoutAMemoryItsSizeIsNoBound) {
  SettingValues values(Settings(), 0);
  values.set(Setting::wake_packets, 1 << 20);
  EXPECT_THAT(conflicts_in(values), IsEmpty());
}

TEST(SettingRules, OwnValuesCountAgainstTheOthersOfTheManager) {
  const SettingValues managers = values_of({{Setting::wake_deadline_us, 6'000}});
  EXPECT_THAT(conflicts_in(managers), IsEmpty());
  OwnSettings own;
  own.set(Setting::wake_packets, 8);
  EXPECT_EQ(conflicts_in(managers.with(own)).size(), 1U);
  own.set(Setting::wake_deadline_us, 100);
  EXPECT_THAT(conflicts_in(managers.with(own)), IsEmpty());
}

TEST(SettingRules, WhatWasThereBeforeIsNotNew) {
  const SettingValues before = values_of({{Setting::resume_most_ms, 5}});
  SettingValues after = before;
  after.set(Setting::spin_us, 0);
  EXPECT_THAT(new_conflicts(before, after), IsEmpty());
  after.set(Setting::overrun_us, 100);
  after.set(Setting::idle_poll_us, 5'000);
  ASSERT_EQ(new_conflicts(before, after).size(), 1U);
  EXPECT_EQ(new_conflicts(before, after).front()->one, Setting::idle_poll_us);
}

}  // namespace
}  // namespace roost

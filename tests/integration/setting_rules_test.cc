// SPDX-License-Identifier: BSD-3-Clause
// Settings that contradict each other, by a manager that runs: refused, and nothing has changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SettingsTogether : public testing::Test {
 protected:
  SettingsTogether() : manager_(simple_config({"a", "b"}, "rate_pps = 1000")) { manager_.spawn(nf("forward"), "a", 4); }
  ~SettingsTogether() override {
    manager_.call("stop", {{"all", true}});
    EXPECT_TRUE(eventually([&] { return manager_.hosts().empty(); }));
    manager_.end();
  }

  static Json of_nfs(const std::vector<uint32_t>& nfs) { return {{"nfs", nfs}}; }
  static Json of_service(const std::string& name) { return {{"service", name}}; }
  Json change(const std::string& name, uint64_t value, Json where = Json::object()) {
    where.update({{"name", name}, {"value", value}});
    return where;
  }
  void set(const std::string& name, uint64_t value, const Json& where = Json::object()) {
    manager_.call("set", change(name, value, where));
  }
  std::string refusal(const std::string& name, uint64_t value, const Json& where = Json::object()) {
    return manager_.refusal("set", change(name, value, where));
  }
  uint64_t value_of(const std::string& name, Json where = Json::object()) {
    where["name"] = name;
    return manager_.call("get", where).at("settings").at(0).at("value");
  }

  ManagerProcess manager_;
};

TEST_F(SettingsTogether, TheManagersOwn) {
  EXPECT_THAT(refusal("idle_poll_us", 30'000),
              AllOf(HasSubstr("settings 'idle_poll_us' (30000) and 'overrun_us' (100000) contradict each other"),
                    HasSubstr("lower idle_poll_us to 25000")));
  EXPECT_EQ(value_of("idle_poll_us"), 1'000U);
  set("overrun_us", 120'000);
  set("idle_poll_us", 30'000);
  EXPECT_THAT(manager_.refusal("unset", {{"name", "overrun_us"}}), HasSubstr("'idle_poll_us' (30000)"));
  EXPECT_EQ(value_of("overrun_us"), 120'000U);
}

TEST_F(SettingsTogether, AServicesAgainstTheManagers) {
  EXPECT_THAT(refusal("resume_most_ms", 9, of_service("a")),
              HasSubstr("'resume_ms' (10000) and 'resume_most_ms' (9) of service 'a' contradict"));
  EXPECT_EQ(value_of("resume_most_ms", of_service("a")), 300'000U);
  set("resume_ms", 0, of_service("a"));
  set("resume_most_ms", 9, of_service("a"));
  EXPECT_THAT(manager_.refusal("unset", {{"name", "resume_ms"}, {"service", "a"}}), HasSubstr("of service 'a'"));
  EXPECT_EQ(value_of("resume_ms", of_service("a")), 0U);
}

TEST_F(SettingsTogether, TheManagersAgainstAServicesAndAnNfs) {
  set("wake_deadline_us", 6'000, of_nfs({2}));
  EXPECT_THAT(refusal("wake_packets", 8), HasSubstr("'wake_deadline_us' (6000) of NF 2 contradict"));
  EXPECT_THAT(refusal("wake_packets", 8, of_service("a")), HasSubstr("of NF 2"));
  EXPECT_EQ(value_of("wake_packets"), 1U);
  EXPECT_EQ(value_of("wake_packets", of_nfs({2})), 1U);
  set("wake_packets", 8, of_service("b"));
  EXPECT_THAT(refusal("ecn_sojourn_us", 50), HasSubstr("of service 'b' contradict"));
  set("ecn_sojourn_us", 0);
  set("wake_packets", 8);
  EXPECT_THAT(refusal("ecn_sojourn_us", 5'500), HasSubstr("of NF 2"));
}

TEST_F(SettingsTogether, OfSeveralNfsAllOrNone) {
  set("quantum_us", 20'000);
  set("quantum_us", 10);
  set("weight", 600, of_nfs({2}));
  EXPECT_THAT(refusal("quantum_us", 20'000), HasSubstr("of NF 2 contradict each other: an NF of weight 600 may spend"));
  set("weight", 400, of_nfs({2}));
  set("quantum_us", 20'000);
  EXPECT_THAT(refusal("weight", 500, of_nfs({0, 1, 2})), HasSubstr("of NF 0"));
  for (const uint32_t nf : {0U, 1U, 3U}) EXPECT_EQ(value_of("weight", of_nfs({nf})), 100U);
  EXPECT_EQ(value_of("weight", of_nfs({2})), 400U);
  EXPECT_THAT(manager_.refusal("spawn", {{"module", nf("forward")}, {"service", "a"}, {"count", 1}, {"weight", 500}}),
              HasSubstr("an NF of weight 500 may spend 100000 us"));
  EXPECT_EQ(manager_.nfs().size(), 4U);
}

TEST_F(SettingsTogether, WhatIsOnlyUnwiseIsDoneAndSaid) {
  set("wake_packets", 8);
  set("wake_deadline_us", 0);
  EXPECT_EQ(value_of("wake_deadline_us"), 0U);
  EXPECT_THAT(manager_.log(),
              HasSubstr("settings 'wake_packets' (8) and 'wake_deadline_us' (0) work against each other"));
}

TEST(SettingsTogetherInTheFile, AreRefusedAndWarnedOf) {
  ManagerProcess manager(simple_config({"a"}, "rate_pps = 1000", "[settings]\nwake_packets = 8\ninbox_slots = 4\n"));
  EXPECT_THAT(manager.log(), HasSubstr("'wake_packets' (8) and 'inbox_slots' (4) work against each other"));
  manager.end();
}

}  // namespace
}  // namespace roost::test

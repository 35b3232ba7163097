// SPDX-License-Identifier: BSD-3-Clause
// Settings of services and of NFs, by a manager that runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SettingsOf : public testing::Test {
 protected:
  SettingsOf() : manager_(simple_config({"a", "b"}, "rate_pps = 20000")) {
    manager_.spawn(nf("forward"), "a", 4);
    manager_.spawn(nf("forward"), "b", 2, "process");
  }
  ~SettingsOf() override {
    manager_.call("stop", {{"all", true}});
    EXPECT_TRUE(eventually([&] { return manager_.hosts().empty(); }));
    manager_.end();
  }

  Json setting(const std::string& name, Json where = Json::object()) {
    where["name"] = name;
    const Json list = manager_.call("get", where).at("settings");
    EXPECT_EQ(list.size(), 1U);
    return list.at(0);
  }
  std::string value_and_from(const std::string& name, const Json& where = Json::object()) {
    const Json found = setting(name, where);
    return found["value"].dump() + " " + found["from"].get<std::string>();
  }
  Json set(const std::string& name, uint64_t value, Json where = Json::object()) {
    where.update({{"name", name}, {"value", value}});
    return manager_.call("set", where);
  }
  Json unset(const std::string& name, Json where = Json::object()) {
    where["name"] = name;
    return manager_.call("unset", where);
  }
  static Json nf_number(uint32_t nf) { return {{"nfs", {nf}}}; }
  static Json service(const std::string& name) { return {{"service", name}}; }
  std::vector<uint32_t> weights() {
    std::vector<uint32_t> list;
    for (const Json& each : manager_.nfs()) list.push_back(each["weight"]);
    return list;
  }

  ManagerProcess manager_;
};

TEST_F(SettingsOf, NfsAreTakenFromTheNearestScope) {
  EXPECT_EQ(value_and_from("weight", nf_number(1)), "100 standard");
  EXPECT_EQ(set("weight", 200, service("a")), Json({{"name", "weight"}, {"value", 200}, {"was", 100}}));
  EXPECT_EQ(set("weight", 300, {{"nfs", {1, 2}}})["was"], 200);
  set("weight", 50);
  EXPECT_EQ(weights(), (std::vector<uint32_t>{200, 300, 300, 200, 50, 50}));
  EXPECT_EQ(value_and_from("weight", nf_number(1)), "300 NF");
  EXPECT_EQ(value_and_from("weight", nf_number(0)), "200 service");
  EXPECT_EQ(value_and_from("weight", service("a")), "200 service");
  EXPECT_EQ(value_and_from("weight", nf_number(4)), "50 manager");
  EXPECT_EQ(value_and_from("weight"), "50 manager");
  EXPECT_EQ(unset("weight", nf_number(1))["value"], 200);
  EXPECT_EQ(unset("weight", service("a")), Json({{"name", "weight"}, {"value", 50}, {"was", 200}}));
  EXPECT_EQ(unset("weight")["value"], 100);
  EXPECT_EQ(weights(), (std::vector<uint32_t>{100, 100, 300, 100, 100, 100}));
}

TEST_F(SettingsOf, NewNfsTakeTheirServicesAndTheirSpawns) {
  set("weight", 200, service("a"));
  manager_.spawn(nf("forward"), "a", 1);
  manager_.call("spawn", {{"module", nf("forward")}, {"service", "a"}, {"count", 2}, {"weight", 17}});
  const auto all = weights();
  EXPECT_EQ(std::count(all.begin(), all.end(), 200), 5);
  EXPECT_EQ(std::count(all.begin(), all.end(), 17), 2);
}

TEST_F(SettingsOf, AWorkerGoesByTheStrictestOfItsNfs) {
  set("wake_packets", 64);
  set("wake_packets", 8, nf_number(2));
  const Json other = setting("wake_packets", nf_number(1));
  EXPECT_EQ(other["value"], 64);
  EXPECT_EQ(other.value("worker_goes_by", 0), 8);
  EXPECT_FALSE(setting("wake_packets", nf_number(2)).contains("worker_goes_by"));
  EXPECT_FALSE(setting("wake_packets", nf_number(4)).contains("worker_goes_by"));
  manager_.call("stop", {{"nfs", {2}}});
  EXPECT_FALSE(setting("wake_packets", nf_number(1)).contains("worker_goes_by"));
  EXPECT_TRUE(eventually(
      [&, before = manager_.figure("transmitted")] { return manager_.figure("transmitted") > before + 100; }));
}

TEST_F(SettingsOf, AWorkerWithATargetSaysWhatItHasChosen) {
  const auto hosts_with_target = [this] {
    size_t count = 0;
    for (const Json& host : manager_.hosts()) count += host.contains("sojourn_target_us");
    return count;
  };
  EXPECT_EQ(hosts_with_target(), 0U);
  set("sojourn_target_us", 2'000, service("b"));
  EXPECT_EQ(hosts_with_target(), 2U) << "one for each NF in tier process";
  EXPECT_FALSE(setting("wake_packets", nf_number(0)).contains("worker_goes_by"));
  EXPECT_EQ(setting("wake_packets", nf_number(4))["value"], 1) << "what is set";
  EXPECT_GT(setting("wake_packets", nf_number(4)).value("worker_goes_by", 0), 1) << "what counts";
  EXPECT_EQ(setting("wake_packets", nf_number(4)).value("chosen_for_us", 0), 2'000);
  EXPECT_TRUE(eventually([&] { return manager_.figure("thresholds_changed") > 0; }));
  EXPECT_TRUE(eventually([&] {
    const Json hosts = manager_.hosts();
    return std::any_of(hosts.begin(), hosts.end(),
                       [](const Json& host) { return host.value("sojourn_p99_us", 0.0) > 0; });
  }));
  set("sojourn_target_us", 0, nf_number(5));
  EXPECT_EQ(hosts_with_target(), 1U);
  unset("sojourn_target_us", service("b"));
  EXPECT_EQ(hosts_with_target(), 0U);
  EXPECT_FALSE(setting("wake_packets", nf_number(4)).contains("worker_goes_by"));
}

TEST_F(SettingsOf, EachSettingSaysWhoCanHaveIt) {
  EXPECT_EQ(setting("weight")["scope"], "manager, service, NF");
  EXPECT_EQ(setting("idle_us")["scope"], "manager");
  const Json settings = manager_.call("get", service("b")).at("settings");
  for (const Json& each : settings) {
    const auto name = each["name"].get<std::string>();
    EXPECT_EQ(each["scope"], "manager, service, NF") << name;
    const uint64_t more = std::min(each["most"].get<uint64_t>(), uint64_t{1'000});
    EXPECT_EQ(set(name, more, service("b"))["value"], more);
    EXPECT_EQ(value_and_from(name, nf_number(4)), fmt::format("{} service", more));
    EXPECT_EQ(set(name, each["least"], nf_number(4))["value"], each["least"]);
    EXPECT_EQ(value_and_from(name, nf_number(4)), each["least"].dump() + " NF");
  }
}

TEST_F(SettingsOf, WhatCannotBeIsRefused) {
  const auto refused = [this](Json parameters) { return manager_.refusal("set", std::move(parameters)); };
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 0}}), HasSubstr("0 is out of range; it takes 1 to 1000"));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 0}, {"nfs", {1}}}), HasSubstr("out of range"));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 1'001}, {"service", "a"}}), HasSubstr("out of range"));
  EXPECT_THAT(refused({{"name", "idle_us"}, {"value", 5}, {"service", "a"}}),
              AllOf(HasSubstr("'idle_us' is the manager's alone"), HasSubstr("weight")));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 5}, {"service", "fire"}}), HasSubstr("services here: a, b"));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 5}, {"nfs", {1, 99}}}), HasSubstr("there is no NF 99"));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 5}, {"nfs", Json::array()}}), HasSubstr("names none"));
  EXPECT_THAT(refused({{"name", "weight"}, {"value", 5}, {"nfs", {1}}, {"service", "a"}}), HasSubstr("not both"));
  EXPECT_THAT(manager_.refusal("get", {{"nfs", {99}}}), HasSubstr("there is no NF 99"));
  EXPECT_THAT(manager_.refusal("get", {{"service", "fire"}}), HasSubstr("services here"));
  EXPECT_THAT(manager_.refusal("get", {{"nfs", {1, 2}}}), HasSubstr("one NF at a time"));
  EXPECT_THAT(manager_.refusal("get", {{"name", "idle_us"}, {"nfs", {1}}}), HasSubstr("the manager's alone"));
  EXPECT_THAT(manager_.refusal("unset", {{"name", "idle_us"}, {"nfs", {1}}}), HasSubstr("the manager's alone"));
  Json spawn{{"module", nf("forward")}, {"service", "a"}, {"count", 1}, {"weight", 0}};
  EXPECT_THAT(manager_.refusal("spawn", spawn), HasSubstr("out of range"));
  EXPECT_EQ(weights(), (std::vector<uint32_t>(6, 100)));
}

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// NFs are stopped under load, and settings changed: nothing is lost but what the entry refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "tests/integration/manager_process.h"

namespace roost::test::stop_test {
namespace {

using testing::HasSubstr;

std::string load() {
  return simple_config(
      {"a", "b"}, fmt::format("flows = 400\nrate_pps = {}\nbacklog_packets = 1000", kSanitized ? 10'000 : 100'000));
}

bool goes_on(ManagerProcess& manager) {
  const uint64_t before = manager.figure("transmitted");
  return eventually([&] { return manager.figure("transmitted") > before + 100; });
}

// Once admitted, a packet was not lost: only the entry refuses.
void expect_only_refusals(ManagerProcess& manager, const std::set<std::string>& causes) {
  const Json stats = manager.stats();
  expect_balanced(stats);
  for (const auto& [cause, count] : stats["dropped"].items()) EXPECT_TRUE(causes.contains(cause)) << stats["dropped"];
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
}

class Stop : public testing::TestWithParam<const char*> {};

TEST_P(Stop, OfSingleNfsServicesAndAllUnderLoad) {
  ManagerProcess manager(load());
  manager.call("pause");
  manager.spawn(nf("forward"), "b", 8, GetParam());
  manager.spawn(nf("forward"), "a", 8, GetParam());
  manager.call("resume");
  ASSERT_TRUE(goes_on(manager));
  const uint64_t early = manager.dropped("no_nf");  // before there were NFs

  std::vector<uint32_t> ids;
  for (const Json& each : manager.nfs()) ids.push_back(each["id"]);
  ASSERT_EQ(ids.size(), 16U);
  EXPECT_EQ(manager.call("stop", {{"nfs", {ids[1]}}})["stopped"], 1);
  EXPECT_EQ(manager.call("stop", {{"nfs", {ids[3], ids[4], ids[4], ids[12]}}})["stopped"], 3);
  EXPECT_EQ(manager.figure("nfs_live"), 12U);
  EXPECT_EQ(manager.nfs().size(), 12U);
  ASSERT_TRUE(goes_on(manager)) << json_text(manager.stats(), 1) << json_text(manager.call("ps"), 1);
  EXPECT_EQ(manager.dropped("no_nf"), early);
  expect_only_refusals(manager, {"no_nf", "inbox_full", "backpressure", "buffer_share"});
  EXPECT_THAT(manager.refusal("stop", {{"nfs", {ids[0], 999'999}}}), HasSubstr("there is no NF 999999"));
  EXPECT_EQ(manager.figure("nfs_live"), 12U);

  // The entry's service goes first: what is in the second one still leaves.
  EXPECT_EQ(manager.call("stop", {{"service", "a"}})["stopped"], 7);
  EXPECT_TRUE(eventually([&] { return manager.dropped("no_nf") > early; }));
  expect_only_refusals(manager, {"no_nf", "inbox_full", "backpressure", "buffer_share"});
  manager.spawn(nf("forward"), "a", 4, GetParam());
  EXPECT_TRUE(goes_on(manager));
  EXPECT_EQ(manager.call("stop", {{"all", true}})["stopped"], 9);
  EXPECT_TRUE(manager.nfs().empty());
  EXPECT_TRUE(manager.hosts().empty());
  EXPECT_EQ(manager.figure("nfs_live"), 0U);
  EXPECT_EQ(manager.figure("held"), 0U);
  EXPECT_EQ(manager.dropped("host_died"), 0U);
  expect_only_refusals(manager, {"no_nf", "inbox_full", "backpressure", "buffer_share"});
  EXPECT_EQ(manager.call("stop", {{"all", true}})["stopped"], 0);
  manager.end();
}

TEST_P(Stop, AndSpawnOverAndOver) {
  ManagerProcess manager(load());
  manager.spawn(nf("forward"), "a", 3, GetParam());
  manager.spawn(nf("forward"), "b", 3, GetParam());
  for (uint64_t round = 0; round < scaled(10, 3); ++round) {
    const Json spawned = manager.spawn(nf("forward"), round % 2 == 0 ? "a" : "b", 5, GetParam());
    if (std::string(GetParam()) == "fiber") {
      const auto first = spawned["first"].get<uint32_t>();
      EXPECT_EQ(manager.call("stop", {{"nfs", {first, first + 1, first + 2, first + 3, first + 4}}})["stopped"], 5);
    } else {
      EXPECT_EQ(manager.call("stop", {{"service", round % 2 == 0 ? "a" : "b"}})["stopped"], 8);
      for (const Json& each : manager.nfs()) EXPECT_EQ(each["service"], round % 2 == 0 ? "b" : "a");
      manager.spawn(nf("forward"), round % 2 == 0 ? "a" : "b", 3, GetParam());
    }
    ASSERT_TRUE(goes_on(manager));
  }
  EXPECT_EQ(manager.figure("nfs_live"), 6U);
  expect_only_refusals(manager, {"no_nf", "inbox_full", "backpressure", "buffer_share"});
  manager.end();
}

TEST_P(Stop, OfTheManagerUnderLoad) {
  ManagerProcess manager(load());
  manager.spawn(nf("forward"), "a", 5, GetParam());
  manager.spawn(nf("forward"), "b", 5, GetParam());
  ASSERT_TRUE(goes_on(manager));
  manager.end();
}

TEST_P(Stop, ByDownReportsTheLastFigures) {
  ManagerProcess manager(load());
  manager.spawn(nf("forward"), "a", 2, GetParam());
  manager.spawn(nf("forward"), "b", 2, GetParam());
  ASSERT_TRUE(goes_on(manager));
  const Json last = manager.call("down");
  expect_balanced(last);
  EXPECT_EQ(last["held"], 0);
  EXPECT_EQ(manager.wait_for_end().status, 0) << manager.log();
  manager.expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Stop, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

// Hosts that hang are waited for together, and each is named.
TEST(StopOfHungHosts, TakesNoLongerForManyThanForOne) {
  ManagerProcess manager(load());
  const auto stop_hung = [&](uint32_t count) {
    manager.spawn(nf("forward"), "a", count, "process");
    const auto pids = manager.live_hosts();
    EXPECT_EQ(pids.size(), count);
    for (const pid_t pid : pids) kill(pid, SIGSTOP);
    const auto began = std::chrono::steady_clock::now();
    const Json answer = manager.call("stop", {{"all", true}});
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(answer["stopped"], count);
    EXPECT_EQ(answer["killed"].size(), count);
    const std::string killed = json_text(answer["killed"]), events = manager.events();
    for (const pid_t pid : pids) {
      EXPECT_THAT(killed, HasSubstr(fmt::format("pid {})", pid)));
      EXPECT_THAT(events, HasSubstr(fmt::format("pid {}): does not end when asked; it is killed", pid)));
      EXPECT_FALSE(runs(pid));
    }
    EXPECT_TRUE(manager.nfs().empty());
    EXPECT_TRUE(manager.hosts().empty());
    return took;
  };
  const auto one = stop_hung(1), eight = stop_hung(8);
  EXPECT_LT(eight, 3 * one);
  manager.end();
}

TEST(StopOfManyHosts, LeavesNothing) {
  ManagerProcess manager(load());
  const auto count = static_cast<uint32_t>(scaled(60, 6));
  manager.spawn(nf("forward"), "a", count, "process");
  const Json answer = manager.call("stop", {{"service", "a"}});
  EXPECT_EQ(answer["stopped"], count);
  EXPECT_TRUE(answer["killed"].empty()) << answer;
  EXPECT_EQ(manager.call("ps")["total"], 0);
  EXPECT_TRUE(manager.hosts().empty());
  manager.spawn(nf("forward"), "a", count, "process");
  manager.end();
}

class OutOfDescriptors : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "sanitizers look at memory through pipes, and take what they cannot see for broken";
  }
};

// As many descriptors as it has by now, and no more than so many others.
void starve(const ManagerProcess& manager, rlim_t others = 0) {
  rlim_t least = 0;
  while (std::filesystem::is_symlink(fmt::format("/proc/{}/fd/{}", manager.pid(), least))) ++least;
  const rlimit few{least + others, 1'024};
  ASSERT_EQ(prlimit(manager.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
}

TEST_F(OutOfDescriptors, HostsDieAndTheManagerGoesOn) {
  ManagerProcess manager(load());
  const rlimit many{1'024, 1'024};
  ASSERT_EQ(prlimit(manager.pid(), RLIMIT_NOFILE, &many, nullptr), 0);
  manager.spawn(nf("forward"), "a", 3, "process");
  manager.spawn(nf("forward"), "b", 2, "process");
  ASSERT_TRUE(goes_on(manager));
  for (uint32_t round = 1; round <= 2; ++round) {
    starve(manager);
    kill(manager.live_hosts().at(0), SIGKILL);
    EXPECT_TRUE(eventually([&] { return manager.figure("nfs_live") == 5 - round; })) << manager.events();
  }
  starve(manager);
  EXPECT_THAT(manager.refusal("stop", {{"all", true}}), HasSubstr("Too many open files"));
  EXPECT_EQ(manager.figure("nfs_live"), 3U);
  EXPECT_TRUE(goes_on(manager));
  Operator late(manager.socket());
  late.write(R"({"jsonrpc":"2.0","id":5,"method":"version"})"
             "\n");
  const auto said = [&] { return manager.log().find("operators' socket: a connection cannot be accepted"); };
  EXPECT_TRUE(eventually([&] { return said() != std::string::npos; })) << manager.log();
  EXPECT_TRUE(goes_on(manager));
  EXPECT_EQ(said(), manager.log().rfind("operators' socket: a connection cannot be accepted")) << "once is enough";
  ASSERT_EQ(prlimit(manager.pid(), RLIMIT_NOFILE, &many, nullptr), 0);
  EXPECT_EQ(late.read()["id"], 5);
  EXPECT_EQ(manager.call("stop", {{"all", true}})["stopped"], 3);
  manager.end();
}

// Wherever in a spawn the manager runs out of them.
TEST_F(OutOfDescriptors, ASpawnFailsAndSaysWhy) {
  ManagerProcess manager(load());
  manager.spawn(nf("forward"), "a", 1, "process");
  manager.call("stop", {{"all", true}});  // the nursery is there, and the module is known
  bool at_its_connection = false;
  for (rlim_t others = 0;; ++others) {
    ASSERT_LT(others, 20U);
    // A host that came too late has been turned away, and its connection closed: else there is one more in a moment.
    EXPECT_TRUE(eventually([&] { return children_of(manager.nursery()).empty(); }));
    manager.call("version");
    starve(manager, others);
    const std::string refusal =
        manager.refusal("spawn", {{"module", nf("forward")}, {"service", "a"}, {"count", 1}, {"tier", "process"}});
    if (refusal.empty()) break;
    EXPECT_THAT(refusal, HasSubstr("Too many open files"));
    at_its_connection |= refusal.find("a connection cannot be accepted; raise") != std::string::npos;
    EXPECT_TRUE(manager.nfs().empty());
  }
  EXPECT_TRUE(at_its_connection);
  EXPECT_EQ(manager.nfs().size(), 1U);
  manager.end();
}

TEST(LiveSettings, AreReadAndChangedUnderLoad) {
  ManagerProcess manager(load());
  manager.spawn(nf("forward"), "a", 2);
  manager.spawn(nf("forward"), "b", 2);
  const Json all = manager.call("get")["settings"];
  EXPECT_GT(all.size(), 10U);
  std::set<std::string> contradictions;  // of one bound with the others' standard values
  for (const Json& each : all) {
    EXPECT_LE(each["least"].get<uint64_t>(), each["value"].get<uint64_t>()) << each;
    EXPECT_GE(each["most"].get<uint64_t>(), each["value"].get<uint64_t>()) << each;
    const auto name = each["name"].get<std::string>();
    for (const std::string bound : {"least", "most", "standard"}) {
      const std::string refusal = manager.refusal("set", {{"name", name}, {"value", each[bound]}});
      EXPECT_EQ(manager.call("get", {{"name", name}})["settings"][0]["value"] == each[bound], refusal.empty()) << each;
      if (refusal.empty()) continue;
      EXPECT_THAT(refusal, HasSubstr("contradict each other"));
      contradictions.insert(bound + " " + name);
    }
    EXPECT_THAT(manager.refusal("set", {{"name", name}, {"value", each["most"].get<uint64_t>() + 1}}),
                HasSubstr("out of range"));
  }
  EXPECT_EQ(contradictions, (std::set<std::string>{"least restart_most_ms", "least resume_most_ms", "most idle_poll_us",
                                                   "most quantum_us", "most restart_ms", "most resume_ms",
                                                   "most sojourn_target_us", "most wake_packets"}));
  EXPECT_TRUE(goes_on(manager));
  EXPECT_THAT(manager.refusal("set", {{"name", "wake_packts"}, {"value", 1}}),
              HasSubstr("did you mean 'wake_packets'"));
  EXPECT_THAT(manager.refusal("get", {{"name", "spin"}}), HasSubstr("no setting is called 'spin'"));
  EXPECT_THAT(manager.refusal("set", {{"name", "spin_us"}}), HasSubstr("'value' is missing"));
  EXPECT_THAT(manager.refusal("set", {{"name", "spin_us"}, {"value", -1}}), HasSubstr("whole number"));
  EXPECT_THAT(manager.refusal("set", {{"name", "spin_us"}, {"value", "20"}}), HasSubstr("whole number"));
  EXPECT_THAT(manager.refusal("set", {{"name", "spin_us"}, {"value", 1.5}}), HasSubstr("whole number"));
  EXPECT_THAT(manager.refusal("set", {{"name", "inbox_slots"}, {"value", 48}}), HasSubstr("power of two"));
  manager.end();
}

}  // namespace
}  // namespace roost::test::stop_test

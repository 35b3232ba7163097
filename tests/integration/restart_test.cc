// SPDX-License-Identifier: BSD-3-Clause
// Hosts that die and are started again: with the NFs that they had, later each time, and without those that take the
// others down again and again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/socket.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Few flows are pinned to their NFs, so that those that come back get packets of the others at once.
std::string restarting(const std::string& settings) {
  return simple_config({"a", "b"}, fmt::format("flows = 300\nrate_pps = {}\nbacklog_packets = 1000", scaled(20'000)),
                       "[flows]\nmax = 64\n[settings]\n" + settings + "\n");
}

std::string all_events(ManagerProcess& manager) {
  std::string text;
  const Json list = manager.call("events", {{"after", 0}, {"limit", 1'000}});
  for (const Json& event : list["events"]) text += event["text"].get<std::string>() + "\n";
  return text;
}

// What an NF is, by its number.
std::map<uint32_t, Json> who_is_there(ManagerProcess& manager) {
  std::map<uint32_t, Json> nfs;
  for (const Json& nf : manager.nfs())
    nfs[nf["id"]] = {nf["service"], nf["module"], nf["tier"], nf["tenant"], nf["weight"], nf["state"]};
  return nfs;
}

Json nf_of(ManagerProcess& manager, uint32_t id) {
  for (const Json& nf : manager.nfs())
    if (nf["id"] == id) return nf;
  return Json::object();
}

bool in_state(ManagerProcess& manager, uint32_t id, const std::string& state) {
  return eventually([&] { return nf_of(manager, id).value("state", "") == state; });
}

bool all_get_packets(ManagerProcess& manager) {
  return eventually([&] {
    const Json nfs = manager.nfs();
    return std::all_of(nfs.begin(), nfs.end(), [](const Json& nf) { return nf["packets"] != 0; });
  });
}

class Restart : public testing::TestWithParam<const char*> {};

TEST_P(Restart, AKilledHostIsBackWithTheSameNfs) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 20"));
  for (const char* tenant : {"one", "two"})
    for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 3, GetParam(), Json::object(), tenant);
  manager.call("set", {{"name", "weight"}, {"value", 300}, {"nfs", {1, 7}}});
  const auto before = who_is_there(manager);
  ASSERT_EQ(before.size(), 12U);
  ASSERT_TRUE(all_get_packets(manager));
  for (int round = 0; round < 3; ++round) {
    const Json victim = manager.hosts().at(0);
    const auto pid = victim["pid"].get<pid_t>();
    kill(pid, SIGKILL);
    ASSERT_TRUE(eventually([&] {
      const auto pids = manager.live_hosts();
      return std::find(pids.begin(), pids.end(), pid) == pids.end() && who_is_there(manager) == before;
    })) << json_text(manager.call("ps"), 1);
    EXPECT_TRUE(all_get_packets(manager)) << "those that are new count from 0";
    expect_balanced(manager.stats());
    EXPECT_THAT(all_events(manager), HasSubstr(fmt::format("pid {}): was killed by signal 9", pid)));
  }
  EXPECT_EQ(manager.figure("nfs_live"), 12U);
  EXPECT_THAT(all_events(manager), HasSubstr("in place of host"));
  EXPECT_THAT(all_events(manager), Not(HasSubstr("are gone")));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Restart, OfTheNurseryBringsAllBack) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 20"));
  for (const char* tenant : {"one", "two"})
    for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 2, GetParam(), Json::object(), tenant);
  const auto before = who_is_there(manager);
  const pid_t nursery = manager.nursery();
  const auto pids = manager.live_hosts();
  kill(nursery, SIGKILL);
  ASSERT_TRUE(eventually([&] {
    const auto now = manager.live_hosts();
    return now.size() == pids.size() && who_is_there(manager) == before &&
           std::none_of(pids.begin(), pids.end(), [](pid_t pid) { return runs(pid); });
  })) << json_text(manager.call("ps"), 1);
  EXPECT_NE(manager.nursery(), nursery);
  EXPECT_TRUE(all_get_packets(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Restart, WaitsTwiceAsLongEachTimeUpToABound) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 400\nrestart_most_ms = 1000"));
  manager.spawn(module("test_crash"), "a", 1, GetParam(), {{"at", "packet"}});
  manager.spawn(nf("forward"), "b", 1, GetParam(), Json::object(), "another");
  EXPECT_TRUE(eventually([&] { return all_events(manager).find("in 1 s (1 of 'a')") != std::string::npos; }))
      << all_events(manager);
  const std::string events = all_events(manager);
  EXPECT_THAT(events, HasSubstr("1 of its 1 NFs are started again in 0.4 s (1 of 'a')"));
  EXPECT_THAT(events, HasSubstr("in 0.8 s (1 of 'a')"));
  EXPECT_THAT(events, HasSubstr("was killed by signal 11"));
  EXPECT_THAT(events, HasSubstr("by NF 0 of 'a'"));
  expect_balanced(manager.stats());
  manager.end();
}

TEST_P(Restart, WhatWaitsIsShownAndCanBeStopped) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 600000\nrestart_most_ms = 600000"));
  manager.spawn(nf("forward"), "a", 3, GetParam());
  manager.spawn(nf("forward"), "b", 1, GetParam(), Json::object(), "another");
  for (const Json& host : manager.hosts())
    if (host["tenant"] == "default") kill(host["pid"].get<pid_t>(), SIGKILL);
  for (const uint32_t id : {0U, 1U, 2U}) ASSERT_TRUE(in_state(manager, id, "waiting")) << id;
  EXPECT_EQ(manager.call("ps")["total"], 4);
  EXPECT_GT(nf_of(manager, 1)["restarts_in_ms"].get<uint64_t>(), 100'000U);
  EXPECT_EQ(manager.call("ps", {{"after", 0}, {"limit", 2}})["nfs"][1]["id"], 2);
  EXPECT_THAT(manager.refusal("resume_nf", {{"nfs", {1}}}), HasSubstr("waits for its host"));
  EXPECT_EQ(manager.call("stop", {{"nfs", {1}}})["stopped"], 1);
  EXPECT_EQ(who_is_there(manager).size(), 3U);
  EXPECT_EQ(manager.spawn(nf("forward"), "b", 1)["first"], 1) << "its number is free, and the others' are not";
  EXPECT_EQ(manager.call("stop", {{"service", "a"}})["stopped"], 2);
  EXPECT_EQ(who_is_there(manager).size(), 2U);
  EXPECT_EQ(manager.spawn(nf("forward"), "a", 2)["count"], 2);
  EXPECT_TRUE(all_get_packets(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Restart, ByPolicy) {
  if (kSanitized && std::string(GetParam()) == "process") GTEST_SKIP() << "the same in tier fiber";
  for (const auto& [policy, how, comes] : std::vector<std::tuple<int, std::string, bool>>{
           {0, "signal", false}, {1, "signal", true}, {1, "exit", false}, {2, "exit", true}}) {
    SCOPED_TRACE(fmt::format("restart_policy {}, {}", policy, how));
    ManagerProcess manager(restarting("restart_ms = 10\nrestart_most_ms = 10\ncrashes_max = 0"));
    manager.call("set", {{"name", "restart_policy"}, {"value", policy}, {"service", "a"}});
    manager.spawn(nf("forward"), "b", 1, GetParam(), Json::object(), "another");
    manager.spawn(module("test_crash"), "a", 1, GetParam(), {{"at", "packet"}, {"how", how}});
    EXPECT_TRUE(eventually([&] {
      const std::string events = all_events(manager);
      return comes ? events.find("restarts so far: 2") != std::string::npos
                   : events.find("its 1 NFs are gone (1 of 'a')") != std::string::npos;
    })) << all_events(manager);
    EXPECT_THAT(all_events(manager), HasSubstr(how == "exit" ? "exited with status 0" : "was killed by signal 11"));
    if (!comes) {
      EXPECT_TRUE(eventually([&] { return who_is_there(manager).size() == 1; }));
      EXPECT_THAT(all_events(manager), Not(HasSubstr("in place of")));
    }
    expect_balanced(manager.stats());
    manager.end();
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, Restart, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

class Quarantine : public testing::TestWithParam<const char*> {};

// One NF of four crashes them all whenever it gets a packet.
TEST_P(Quarantine, OfAnNfThatKeepsCrashingItsHost) {
  if (kSanitized && std::string(GetParam()) != "signal") GTEST_SKIP() << "sanitizers tell of it in their own way";
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 40\ncrashes_max = 3"));
  constexpr uint32_t kGuilty = 2;
  manager.spawn(nf("forward"), "a", 2);
  const Json config = {{"at", "packet"}, {"how", GetParam()}, {"nf", kGuilty}};
  manager.spawn(module("test_crash"), "a", 2, "fiber", config);
  manager.spawn(nf("forward"), "b", 1, "fiber", Json::object(), "another");
  const auto quarantined_after = [&](uint32_t crashes) {
    return eventually([&] {
      const Json nf = nf_of(manager, kGuilty);
      return nf.value("state", "") == "quarantined" && nf.value("crashes", 0U) == crashes;
    });
  };
  ASSERT_TRUE(quarantined_after(3)) << json_text(manager.call("ps"), 1);
  const auto pids = manager.live_hosts();
  ASSERT_EQ(pids.size(), 2U);
  EXPECT_TRUE(eventually([&] {
    const Json nfs = manager.nfs();
    return std::all_of(nfs.begin(), nfs.end(),
                       [](const Json& nf) { return (nf["id"] == kGuilty) == (nf["packets"] == 0); });
  })) << "all but that one are at work";
  EXPECT_EQ(manager.live_hosts(), pids);
  const Json others = nf_of(manager, 3);
  EXPECT_FALSE(others.contains("crashes")) << others;
  const std::string events = all_events(manager);
  EXPECT_THAT(events, HasSubstr("by NF 2 of 'a'"));
  EXPECT_THAT(events, HasSubstr("'roost resume 2' gives it packets again"));
  for (const Json& host : manager.hosts()) {
    if (host["tenant"] != "default") continue;
    EXPECT_EQ(host["restarts"], 3);
    EXPECT_EQ(host["last_crash"]["nf"], kGuilty);
    const Json turns = host["last_crash"]["last_turns"];
    EXPECT_TRUE(std::find(turns.begin(), turns.end(), Json(kGuilty)) != turns.end()) << host;
  }
  // Another's death leaves it there.
  for (const Json& host : manager.hosts())
    if (host["tenant"] == "default") kill(host["pid"].get<pid_t>(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return manager.live_hosts() != pids && manager.live_hosts().size() == 2; }));
  ASSERT_TRUE(quarantined_after(3));
  // Brought back, it has its crashes to make anew.
  manager.call("resume_nf", {{"nfs", {kGuilty}}});
  ASSERT_TRUE(quarantined_after(6)) << json_text(manager.call("ps"), 1);
  EXPECT_TRUE(all_events(manager).find("has crashed its host 6 times") != std::string::npos);
  expect_books_close(manager);
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(How, Quarantine, testing::Values("signal", "null", "abort", "stack"),
                         [](const auto& how) { return std::string(how.param); });

// One group of NFs of a host does not start again: the others do, and that one as soon as it can.
TEST(RestartThatFails, IsTriedAgainAndHoldsUpNobody) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 100"));
  const std::string file = manager.folder().path("broken");
  manager.spawn(nf("forward"), "a", 2);
  manager.spawn(module("test_crash"), "a", 2, "fiber", {{"at", "start"}, {"file", file}});
  manager.spawn(nf("forward"), "b", 1);
  const auto before = who_is_there(manager);
  manager.folder().file("broken", "");
  kill(manager.live_hosts().at(0), SIGKILL);
  ASSERT_TRUE(eventually([&] { return all_events(manager).find("could not be started again") != std::string::npos; }));
  for (const uint32_t id : {0U, 1U, 4U}) EXPECT_TRUE(in_state(manager, id, "live")) << id;
  EXPECT_EQ(nf_of(manager, 2)["state"], "waiting");
  std::filesystem::remove(file);
  ASSERT_TRUE(eventually([&] { return who_is_there(manager) == before; })) << json_text(manager.call("ps"), 1);
  EXPECT_TRUE(all_get_packets(manager));
  expect_books_close(manager);
  manager.end();
}

// Its first NF crashes while the second one starts, which fails.
TEST(RestartAndOperators, NothingOfAFailedSpawnComesBack) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 20"));
  manager.spawn(nf("forward"), "b", 1);
  EXPECT_THAT(manager.refusal("spawn", {{"module", module("test_crash")},
                                        {"service", "a"},
                                        {"count", 2},
                                        {"tier", "process"},
                                        {"config", {{"at", "packet"}, {"nf", 1}, {"fails", 2}}}}),
              HasSubstr("as asked"));
  EXPECT_THAT(all_events(manager), HasSubstr("by NF 1 of 'a'"));
  EXPECT_EQ(who_is_there(manager).size(), 1U) << json_text(manager.call("ps"), 1);
  pause_ms(200);
  EXPECT_EQ(manager.figure("nfs_live"), 1U) << all_events(manager);
  EXPECT_THAT(all_events(manager), Not(HasSubstr("in place of host")));
  manager.end();
}

TEST(RestartAndOperators, AFailedUpgradeSaysWhoHasDied) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 600000\nrestart_most_ms = 600000"));
  manager.spawn(nf("forward"), "b", 1, "fiber", Json::object(), "another");
  manager.spawn(nf("forward"), "a", 1);
  manager.spawn(nf("forward"), "a", 2);
  // The new ones, from 4 on, come into the host of the old ones.
  EXPECT_THAT(manager.refusal("upgrade", {{"service", "a"},
                                          {"module", module("test_crash")},
                                          {"config", {{"at", "packet"}, {"nf", 4}, {"fails", 5}}}}),
              HasSubstr("of the 3 NFs that service 'a' had 0 are still in service"));
  EXPECT_EQ(who_is_there(manager).size(), 4U) << json_text(manager.call("ps"), 1);
  for (const uint32_t id : {1U, 2U, 3U}) {
    EXPECT_EQ(nf_of(manager, id)["state"], "waiting");
    EXPECT_THAT(nf_of(manager, id)["module"].get<std::string>(), HasSubstr("forward"));
  }
  manager.end();
}

// A host of the service is due to come back while the others are drained.
TEST(RestartAndOperators, WhatWaitsStaysAwayFromAServiceThatIsBeingStopped) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 1000\nrestart_most_ms = 1000\ndrain_ms = 2500"));
  manager.spawn(nf("forward"), "a", 2, "process");
  manager.spawn(nf("forward"), "b", 1);
  ASSERT_TRUE(all_get_packets(manager));  // of flows that do not pause
  kill(manager.live_hosts().at(0), SIGKILL);
  ASSERT_TRUE(eventually([&] { return manager.live_hosts().size() == 2; }));
  EXPECT_EQ(manager.call("stop", {{"service", "a"}})["stopped"], 2);
  EXPECT_EQ(who_is_there(manager).size(), 1U) << json_text(manager.call("ps"), 1);
  EXPECT_THAT(all_events(manager), Not(HasSubstr("in place of host")));
  manager.end();
}

TEST(RestartAndOperators, ScaleAndUpgradeSettleWhatWaits) {
  ManagerProcess manager(restarting("restart_policy = 1\nrestart_ms = 600000\nrestart_most_ms = 600000"));
  manager.spawn(nf("forward"), "a", 3);
  manager.spawn(nf("forward"), "b", 2, "fiber", Json::object(), "another");
  for (const pid_t pid : manager.live_hosts()) kill(pid, SIGKILL);
  ASSERT_TRUE(in_state(manager, 4, "waiting"));
  ASSERT_TRUE(in_state(manager, 0, "waiting"));
  // Who cannot be replaced waits on.
  EXPECT_THAT(manager.refusal("scale", {{"service", "a"}, {"nfs", 200'000'000}}), HasSubstr("too many"));
  EXPECT_EQ(who_is_there(manager).size(), 5U);
  EXPECT_EQ(manager.call("scale", {{"service", "a"}, {"nfs", 2}})["started"], 2);
  EXPECT_EQ(who_is_there(manager).size(), 4U);
  manager.call("upgrade", {{"service", "b"}, {"module", nf("bridge")}});
  EXPECT_THAT(nf_of(manager, 4)["module"].get<std::string>(), HasSubstr("bridge"));
  EXPECT_EQ(nf_of(manager, 4)["state"], "waiting");
  expect_balanced(manager.stats());
  manager.end();
}

// Hosts whose NFs take long to start don't come back one right after the other: operators have their turn in between.
TEST(RestartOfMany, OperatorsAreHeardInBetween) {
  ManagerProcess manager(
      restarting("restart_policy = 1\nrestart_ms = 20\nrestart_most_ms = 20\n[hosts]\nseccomp = \"off\""));
  // A start that opens a pipe without a reader waits for one.
  const std::string pipe = manager.folder().path("log");
  manager.spawn(module("test_fussy"), "a", 3, "process", {{"log", pipe}});
  std::filesystem::remove(pipe);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const pid_t pid : manager.live_hosts()) kill(pid, SIGKILL);
  const auto let_one_start = [&] {
    const FileDescriptor reader(open(pipe.c_str(), O_RDONLY | O_CLOEXEC));  // waits for a writer, too
    char byte;
    return read(reader.get(), &byte, 1);
  };
  pause_ms(500);  // all are due by then
  manager.operate().write("{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"version\"}\n");
  for (int i = 0; i < 2; ++i) {  // events go before requests: the second follows the first
    pause_ms(500);               // each has taken long
    EXPECT_EQ(let_one_start(), 1);
  }
  const bool heard = eventually([&] { return readable_within(manager.operate().fd(), 0); });
  EXPECT_TRUE(heard) << manager.log();
  EXPECT_EQ(let_one_start(), 1);
  EXPECT_EQ(manager.operate().read()["id"], 77);
  EXPECT_TRUE(eventually([&] { return manager.live_hosts().size() == 3; }));
  std::filesystem::remove(pipe);
  manager.end();
}

}  // namespace
}  // namespace roost::test

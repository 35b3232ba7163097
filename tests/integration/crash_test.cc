// SPDX-License-Identifier: BSD-3-Clause
// Hosts, the nursery and the manager are killed under load: what they held comes back by the ledger, others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <random>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

std::string load() {
  return simple_config({"a", "b"}, fmt::format("flows = 500\nrate_pps = {}\nbacklog_packets = 1000\nip_version = "
                                               "\"mixed\"",
                                               kSanitized ? 20'000 : 200'000));
}

bool goes_on(ManagerProcess& manager) {
  const uint64_t before = manager.figure("transmitted");
  return eventually([&] { return manager.figure("transmitted") > before + 100; });
}

bool hosts_are(ManagerProcess& manager, size_t count) {
  return eventually([&] { return manager.hosts().size() == count && manager.live_hosts().size() == count; });
}

class Crash : public testing::TestWithParam<const char*> {
 protected:
  // NFs of each service in several hosts, in either tier.
  void populate(ManagerProcess& manager) {
    for (const char* tenant : {"one", "two", "three"})
      for (const char* service : {"a", "b"})
        manager.spawn(nf("forward"), service, 2, GetParam(), Json::object(), tenant);
  }
};

TEST_P(Crash, OfAHostUnderLoad) {
  ManagerProcess manager(load());
  populate(manager);
  const size_t hosts = manager.live_hosts().size();
  EXPECT_EQ(hosts, std::string(GetParam()) == "fiber" ? 3U : 12U);
  ASSERT_TRUE(goes_on(manager));
  const Json victim = manager.hosts()[0];
  const auto pid = victim["pid"].get<pid_t>();
  kill(pid, SIGKILL);
  ASSERT_TRUE(hosts_are(manager, hosts - 1));
  EXPECT_TRUE(goes_on(manager));
  const std::string events = manager.events();
  EXPECT_THAT(events, HasSubstr(fmt::format("host {} ({}, tenant 'one', pid {}): was killed by signal 9",
                                            victim["id"].get<int>(), GetParam(), pid)));
  EXPECT_THAT(events, HasSubstr("roost spawn"));
  EXPECT_EQ(manager.figure("nfs_live"), 12 - victim["nfs"].get<uint64_t>());
  for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 2, GetParam(), Json::object(), "one");
  bool id_reused = false;
  for (const Json& host : manager.hosts()) id_reused |= host["id"] == victim["id"] && host["pid"] != pid;
  EXPECT_TRUE(id_reused);
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Crash, TwentyTimesAtRandom) {
  ManagerProcess manager(load());
  populate(manager);
  std::mt19937 random(7);
  for (uint64_t round = 0; round < scaled(20, 4); ++round) {
    SCOPED_TRACE(round);
    pause_ms(random() % 30);
    const auto pids = manager.live_hosts();
    const pid_t pid = pids[random() % pids.size()];
    std::map<std::pair<std::string, std::string>, uint32_t> lost;
    const Json listed = manager.call("ps");
    for (const Json& host : listed["hosts"])
      if (host["pid"] == pid)
        for (const Json& each : listed["nfs"])
          if (each["host"] == host["id"]) ++lost[{each["service"], each["tenant"]}];
    kill(pid, SIGKILL);
    ASSERT_TRUE(hosts_are(manager, pids.size() - 1));
    expect_balanced(manager.stats());
    for (const auto& [what, count] : lost)
      manager.spawn(nf("forward"), what.first, count, GetParam(), Json::object(), what.second);
    ASSERT_EQ(manager.live_hosts().size(), pids.size());
    ASSERT_TRUE(goes_on(manager));
    expect_balanced(manager.stats());
  }
  EXPECT_EQ(manager.figure("nfs_live"), 12U);
  expect_books_close(manager);
  manager.end();
}

TEST_P(Crash, OfTheNurseryTakesItsHostsAlongAndNothingElse) {
  ManagerProcess manager(load());
  populate(manager);
  const auto pids = manager.live_hosts();
  const pid_t nursery = manager.nursery();
  kill(nursery, SIGKILL);
  ASSERT_TRUE(hosts_are(manager, 0)) << manager.events();
  for (const pid_t pid : pids) EXPECT_TRUE(eventually([&] { return !runs(pid); }));
  EXPECT_THAT(manager.events(), HasSubstr(fmt::format("nursery (pid {})", nursery)));
  EXPECT_EQ(manager.figure("nfs_live"), 0U);
  populate(manager);
  EXPECT_NE(manager.nursery(), nursery);
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Crash, OfTheManagerEndsItsHosts) {
  std::vector<pid_t> all;
  std::string socket;
  {
    ManagerProcess manager(load());
    populate(manager);
    all = descendants_of(manager.pid());
    EXPECT_GT(all.size(), 3U);
    manager.kill_now(SIGKILL);
    EXPECT_EQ(manager.wait_for_end().status, 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return std::none_of(all.begin(), all.end(), runs); },
                           std::chrono::milliseconds(kSanitized ? 20'000 : 3'000)));
    manager.expect_nothing_left();
    // A manager that comes after it finds nothing in its way.
    const std::string config = manager.folder().path("roost.toml");
    socket = manager.socket();
    const Exit exit =
        run_to_end({"timeout", "-s", "TERM", "2", ROOST_BIN_DIR "/roostd", "--config", config, "--socket", socket});
    EXPECT_THAT(exit.said, HasSubstr("ready at " + socket));
    manager.expect_nothing_left();
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, Crash, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

// Flows that slept meanwhile know the old NFs by number; the numbers are other NFs' now.
TEST(Numbers, ReusedByOtherServicesAndTiersMisleadNoFlow) {
  ManagerProcess manager(simple_config({"a", "b"}, "flows = 16\nrate_pps = 20000\nbacklog_packets = 100"));
  manager.spawn(nf("forward"), "a", 1);
  manager.spawn(nf("forward"), "b", 1);
  ASSERT_TRUE(goes_on(manager));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  kill(manager.live_hosts().at(0), SIGKILL);
  ASSERT_TRUE(hosts_are(manager, 0));
  manager.spawn(nf("forward"), "b", 1, "process");
  manager.spawn(nf("forward"), "a", 1, "process");
  manager.call("resume");
  EXPECT_TRUE(goes_on(manager)) << json_text(manager.stats(), 1);
  expect_books_close(manager);
  const Json nfs = manager.nfs();
  ASSERT_EQ(nfs.size(), 2U);
  EXPECT_EQ(nfs[0]["packets"], nfs[1]["packets"]);
  EXPECT_EQ(manager.live_hosts().size(), 2U) << manager.events();
  EXPECT_EQ(manager.dropped("host_died"), 0U);
  manager.end();
}

}  // namespace
}  // namespace roost::test

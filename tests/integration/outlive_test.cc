// SPDX-License-Identifier: BSD-3-Clause
// The manager is killed, and its hosts wait for another one: which takes them back, or does not, or does not come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstring>

#include "core/capture.h"
#include "tests/integration/outliving.h"

namespace roost::test::outlive {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

std::string config(const std::string& load, const std::string& more = waits()) {
  return simple_config({"a", "b"}, load, more);
}
const std::string kLoad =
    fmt::format("flows = 500\nrate_pps = {}\nbacklog_packets = 1000\n", kSanitized ? 10'000 : 100'000);

void populate(ManagerProcess& manager, const std::string& tier, const std::string& module_path) {
  for (const char* tenant : {"one", "two"})
    for (const char* service : {"a", "b"}) manager.spawn(module_path, service, 2, tier, Json::object(), tenant);
}

class Outlive : public testing::TestWithParam<const char*> {};

// Twice in a row.
TEST_P(Outlive, UnderLoadItsHostsGoOnWithTheNextManager) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), module("test_tally"));
  ASSERT_TRUE(goes_on(manager));
  const auto hosts = sorted(manager.live_hosts());
  const pid_t nursery = manager.nursery();
  for (uint32_t round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    const Json before = manager.nfs();
    kill_manager(manager);
    const auto began = Clock::now();
    manager.start_again();
    ASSERT_TRUE(eventually([&] { return manager.figure("transmitted") > 0; })) << manager.log();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
    fmt::print("{}: forwards again {} ms after roostd was started\n", GetParam(), took);
    EXPECT_EQ(sorted(manager.live_hosts()), hosts) << manager.log();
    const Json after = manager.nfs();
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < after.size(); ++i)
      for (const char* what : {"id", "service", "tenant"}) EXPECT_EQ(after[i][what], before[i][what]) << i;
    for (const Json& host : manager.hosts()) EXPECT_EQ(host.value("taken_back", 0U), round);
    EXPECT_THAT(manager.log(), HasSubstr(fmt::format("{} hosts with 8 NFs are taken back", hosts.size())));
    EXPECT_THAT(json_text(manager.call("events", {{"after", 0}, {"limit", 100}})), HasSubstr("are taken back"));
    EXPECT_TRUE(goes_on(manager));
    EXPECT_EQ(parent_of(hosts.front()), nursery);
  }
  // All that can be done with hosts can be done with these.
  manager.spawn(nf("forward"), "a", 1, GetParam(), Json::object(), "three");
  for (const std::string& each : {module("test_tally"), nf("forward")})  // in tier fiber in a host that was taken back
    manager.spawn(each, "a", 1, GetParam(), Json::object(), "one");
  manager.call("stop", {{"nfs", {manager.nfs()[0]["id"]}}});
  EXPECT_EQ(manager.figure("nfs_live"), 10U);
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  EXPECT_EQ(manager.figure("breaches"), 0U);
  manager.end();
  for (const pid_t pid : hosts) EXPECT_TRUE(eventually([pid] { return !runs(pid); }));
  EXPECT_TRUE(eventually([nursery] { return !runs(nursery); }));
}

// What an NF has counted it goes on counting.
TEST_P(Outlive, TheirMemoryIsIntact) {
  const TempDir folder;
  const std::string written = folder.path("out.pcap");
  const std::string text = fmt::format(
      "[memory]\npackets = 8192\nhugepages = \"never\"\n{}[[ports]]\nname = \"out\"\nkind = "
      "\"pcap\"\nwrite = \"{}\"\n{}{}{}",
      port_generator("in", "c", "flows = 1\nrate_pps = 5000\nbacklog_packets = 100"), written, services({"a"}),
      chain_of("c", {"a"}, "out"), waits());
  ManagerProcess manager(text);
  manager.spawn(module("test_tally"), "a", 1, GetParam());
  ASSERT_TRUE(goes_on(manager));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const auto counted = manager.nfs()[0]["packets"].get<uint32_t>();
  EXPECT_GT(counted, 100U);
  kill_manager(manager);
  manager.start_again();
  ASSERT_TRUE(goes_on(manager)) << manager.log();
  expect_books_close(manager);
  manager.end();
  const Capture capture = Capture::load(written);
  uint32_t expected = counted;
  for (const Capture::Frame& frame : capture.frames()) {
    uint32_t count = 0;
    std::memcpy(&count, capture.data(frame) + 6, sizeof count);
    ASSERT_EQ(count, ++expected);
  }
}

TEST_P(Outlive, HostsWhoseNfsHoldPacketsEndAndAreStartedAnewWhereTheySaySo) {
  ManagerProcess manager(simple_config({"a"}, kLoad, waits() + "[settings]\nrestart_policy = 2\nrestart_ms = 100\n"));
  manager.call("pause");  // flows stay with the NFs that they find
  manager.spawn(module("test_tally"), "a", 2, GetParam(), Json::object(), "one");
  manager.spawn(module("test_tally"), "a", 1, GetParam(), {{"keep", 5}}, "two");
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.nfs()[2]["packets"].get<uint64_t>() > 50; }));
  const Json before = manager.nfs();
  const size_t hosts = manager.live_hosts().size();
  kill_manager(manager);
  manager.start_again();
  EXPECT_TRUE(eventually([&] { return manager.live_hosts().size() == hosts; })) << manager.log();
  EXPECT_THAT(manager.events(), HasSubstr("its NFs held packets"));
  EXPECT_THAT(manager.events(), HasSubstr("of its 1 NFs 1 are started again"));
  ASSERT_TRUE(eventually([&] { return manager.nfs().size() == 3; }));
  EXPECT_EQ(manager.nfs()[2]["id"], before[2]["id"]);
  EXPECT_TRUE(goes_on(manager));
  manager.end();
}

TEST_P(Outlive, OneThatIsKilledWhileItWaitsIsMissed) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), nf("forward"));
  const Json hosts = manager.hosts();
  const auto victim = hosts[0]["pid"].get<pid_t>();
  kill_manager(manager);
  kill(victim, SIGKILL);
  EXPECT_TRUE(eventually([victim] { return !runs(victim); }));
  manager.start_again();
  EXPECT_EQ(manager.live_hosts().size(), hosts.size() - 1) << manager.log();
  EXPECT_EQ(manager.figure("nfs_live"), 8 - hosts[0]["nfs"].get<uint64_t>());
  EXPECT_THAT(manager.events(), HasSubstr(fmt::format("pid {}) is not taken back: it was killed by signal 9", victim)));
  manager.spawn(nf("forward"), "a", 1, GetParam());
  manager.spawn(nf("forward"), "b", 1, GetParam());
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Outlive, OneThatDoesNotAnswerIsEndedAndTheOthersGoOn) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), nf("forward"));
  const Json hosts = manager.hosts();
  const auto silent = hosts[0]["pid"].get<pid_t>();
  kill_manager(manager);
  kill(silent, SIGSTOP);
  manager.start_again();
  EXPECT_THAT(manager.events(), HasSubstr(fmt::format("pid {}) is not taken back: it does not answer", silent)));
  EXPECT_TRUE(eventually([silent] { return !runs(silent); }));
  EXPECT_EQ(manager.live_hosts().size(), hosts.size() - 1) << manager.log();
  EXPECT_EQ(manager.figure("nfs_live"), 8 - hosts[0]["nfs"].get<uint64_t>());
  manager.spawn(nf("forward"), "a", 1, GetParam());
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

// The kernel may continue it when its manager dies, and hangs up on all of its process group then.
TEST_P(Outlive, OneThatIsStoppedBeforeTakesNobodyAlong) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), nf("forward"));
  const std::vector<pid_t> before = manager.live_hosts();
  kill(before[0], SIGSTOP);
  kill_manager(manager);
  manager.start_again();
  const std::vector<pid_t> after = manager.live_hosts();
  for (size_t i = 1; i < before.size(); ++i) EXPECT_THAT(after, Contains(before[i])) << manager.log();
  manager.spawn(nf("forward"), "a", 1, GetParam());
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

// As one that exits under a manager; and the service has had NFs, which others can be like.
TEST_P(Outlive, OneThatExitsByItselfIsNotStartedAgainOnFailure) {
  ManagerProcess manager(simple_config({"a"}, kLoad, waits() + "[settings]\nrestart_policy = 1\nrestart_ms = 100\n"));
  const std::string file = manager.folder().path("exits");
  manager.spawn(module("test_tally"), "a", 1, GetParam(), {{"exits", file}});
  const pid_t host = manager.live_hosts().at(0);
  kill_manager(manager);
  manager.folder().file("exits", "");
  EXPECT_TRUE(eventually([host] { return !runs(host); }));
  std::filesystem::remove(file);
  manager.start_again();
  EXPECT_THAT(manager.events(), HasSubstr("it exited with status 0 while no manager was there; of its 1 NFs 0 are"));
  pause_ms(300);
  EXPECT_TRUE(manager.nfs().empty());
  EXPECT_EQ(manager.call("scale", {{"service", "a"}, {"nfs", 2}})["started"], 2);
  EXPECT_TRUE(goes_on(manager));
  manager.end();
}

TEST_P(Outlive, RestartsAreCountedFromOneManagerToTheNext) {
  ManagerProcess manager(simple_config({"a"}, kLoad, waits() + "[settings]\nrestart_policy = 1\nrestart_ms = 20\n"));
  manager.spawn(nf("forward"), "a", 1, GetParam());
  for (const uint32_t restarts : {1U, 2U}) {
    kill(manager.live_hosts().at(0), SIGKILL);
    ASSERT_TRUE(eventually([&] {
      return manager.log().find(fmt::format("1 NFs are back; restarts so far: {}", restarts)) != std::string::npos;
    })) << manager.log();
    kill_manager(manager);
    manager.start_again();
  }
  EXPECT_TRUE(goes_on(manager));
  manager.end();
}

TEST_P(Outlive, WithAnotherConfigurationTheyEndAndThatIsSaid) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), nf("forward"));
  const auto hosts = manager.live_hosts();
  const pid_t nursery = manager.nursery();
  kill_manager(manager);
  manager.start_again(simple_config({"b", "a"}, kLoad, services({"more"}) + waits()));
  EXPECT_THAT(manager.events(), HasSubstr("are not taken back, and end: the configuration, or Roost itself, is another "
                                          "one now (services)"));
  for (const pid_t pid : hosts) EXPECT_TRUE(eventually([pid] { return !runs(pid); }));
  EXPECT_FALSE(runs(nursery));
  EXPECT_TRUE(manager.hosts().empty());
  populate(manager, GetParam(), nf("forward"));
  EXPECT_TRUE(goes_on(manager));
  const auto others = manager.live_hosts();
  kill_manager(manager);
  manager.start_again(config(kLoad, ""));
  EXPECT_THAT(manager.events(), HasSubstr("has no outlive_manager_s"));
  EXPECT_TRUE(eventually([&] { return std::none_of(others.begin(), others.end(), runs); }, 5s));
  manager.end();
}

// Hosts that come after it are kept by another one; and where that dies with the manager, nobody waits.
TEST_P(Outlive, ANurseryTakesItsHostsAlong) {
  ManagerProcess manager(config(kLoad));
  populate(manager, GetParam(), module("test_tally"));
  const auto first = manager.live_hosts();
  kill(manager.nursery(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return manager.live_hosts().empty() && manager.hosts().empty(); }));
  populate(manager, GetParam(), nf("forward"));
  const auto hosts = sorted(manager.live_hosts());
  kill_manager(manager);
  manager.start_again();
  EXPECT_EQ(sorted(manager.live_hosts()), hosts) << manager.log();
  EXPECT_EQ(manager.figure("nfs_live"), 8U);
  EXPECT_TRUE(goes_on(manager));
  const pid_t nursery = parent_of(hosts.front());
  kill(nursery, SIGSTOP);
  kill_manager(manager);
  kill(nursery, SIGKILL);
  EXPECT_TRUE(eventually([&] { return std::none_of(hosts.begin(), hosts.end(), runs); }, 5s));
  manager.start_again();
  EXPECT_TRUE(manager.hosts().empty());
  populate(manager, GetParam(), nf("forward"));
  EXPECT_TRUE(goes_on(manager));
  expect_books_close(manager);
  manager.end();
}

TEST_P(Outlive, WhereNoManagerComesTheyEndAndNothingIsLeft) {
  ManagerProcess manager(config(kLoad, waits(2)));
  populate(manager, GetParam(), nf("forward"));
  const auto all = descendants_of(manager.pid());
  kill_manager(manager);
  const auto began = Clock::now();
  EXPECT_TRUE(std::all_of(all.begin(), all.end(), runs));
  pause_ms(1'000);
  for (const pid_t pid : all) EXPECT_TRUE(runs(pid));
  const uint64_t cpu_before = cpu_ms(all.back());
  pause_ms(300);
  EXPECT_LE(cpu_ms(all.back()), cpu_before + 20);  // waiting costs nothing
  EXPECT_TRUE(eventually([&] { return std::none_of(all.begin(), all.end(), runs); }));
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(kSanitized ? 20 : 6));
  manager.expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Outlive, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test::outlive

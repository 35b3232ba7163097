// SPDX-License-Identifier: BSD-3-Clause
// A manager takes back the hosts of one before it, and dies over it: at each of its calls in turn, before the first of
// a kind, the second and so on. The hosts wait for the next one, which has them all.
#include <gmock/gmock.h>

#include "tests/fault/call_failures.h"
#include "tests/integration/outliving.h"

namespace roost::test::outlive {
namespace {

using testing::HasSubstr;

size_t times_ready(const ManagerProcess& manager) {
  const std::string log = manager.log();
  size_t times = 0;
  for (size_t at = 0; (at = log.find("ready at", at)) != std::string::npos; ++at) ++times;
  return times;
}

class DyingSuccessorAt : public CallFailures, public testing::WithParamInterface<const char*> {};

TEST_P(DyingSuccessorAt, LeavesTheHostsToTheNext) {
  ManagerProcess manager(
      simple_config({"a", "b"}, "flows = 500\nrate_pps = 20000\nbacklog_packets = 1000\n", waits(60)));
  for (const char* tier : {"fiber", "process"})
    for (const char* service : {"a", "b"}) manager.spawn(module("test_tally"), service, 2, tier);
  manager.spawn(nf("forward"), "a", 1, "process");  // another module
  const auto hosts = sorted(manager.live_hosts());
  ASSERT_EQ(hosts.size(), 6U);
  ASSERT_TRUE(goes_on(manager));
  const auto is_taken_back = [&] {
    EXPECT_EQ(sorted(manager.live_hosts()), hosts) << manager.log();
    EXPECT_EQ(manager.figure("nfs_live"), 9U);
    EXPECT_THAT(manager.events(), HasSubstr("6 hosts with 9 NFs are taken back"));
    EXPECT_TRUE(goes_on(manager));
  };
  uint32_t died = 0;
  kill_manager(manager);
  for (uint32_t nth = 1;; ++nth) {
    SCOPED_TRACE(fmt::format("{} {}", GetParam(), nth));
    ASSERT_LT(nth, 500U);
    set({GetParam(), Injection::kDies}, nth, false);
    const size_t ready = times_ready(manager);
    const bool lives = manager.start_again_until([&] { return times_ready(manager) > ready; }, prefix());
    const bool dies = stop() != 0;
    died += dies;
    for (const pid_t pid : hosts) ASSERT_TRUE(runs(pid)) << manager.log();
    if (!dies) {
      EXPECT_TRUE(lives);
      break;
    }
    if (nth % 8 != 0) continue;  // otherwise several in a row die
    manager.start_again();
    is_taken_back();
    kill_manager(manager);
  }
  fmt::print("{} managers died over {}\n", died, GetParam());
  EXPECT_GT(died, 5U);
  manager.start_again();
  is_taken_back();
  expect_books_close(manager);
  EXPECT_EQ(manager.figure("breaches"), 0U);
  manager.end();
  for (const pid_t pid : hosts) EXPECT_FALSE(runs(pid));
}

INSTANTIATE_TEST_SUITE_P(Calls, DyingSuccessorAt, testing::Values("sendmsg", "recvmsg", "memfd_create", "epoll_ctl"),
                         [](const auto& call) { return std::string(call.param); });

// One that a manager was told of as dead, or killed itself, the next one knows to be so.
TEST(DyingSuccessor, AndHostsThatDieMeanwhileAreMissed) {
  if (geteuid() != 0) GTEST_SKIP() << "hosts' maps are root's to read";
  ManagerProcess manager(simple_config({"a"}, "flows = 500\nrate_pps = 20000\nbacklog_packets = 1000\n",
                                       waits(60) + "[settings]\nrestart_policy = 1\nrestart_ms = 100\n"));
  const std::string file = manager.folder().path("exits");
  manager.spawn(module("test_tally"), "a", 1, "process", {{"exits", file}});
  manager.spawn(module("test_tally"), "a", 2, "process");
  const auto hosts = manager.live_hosts();
  ASSERT_EQ(hosts.size(), 3U);
  kill_manager(manager);
  for (const pid_t pid : hosts) ASSERT_TRUE(eventually([pid] { return arenas_of(pid).empty(); }));
  // One has been taken over when it exits, by a manager that is killed before it has done with all of them.
  kill(hosts[2], SIGSTOP);
  ASSERT_TRUE(manager.start_again_until([&] {
    if (arenas_of(hosts[0]).empty()) return false;
    manager.folder().file("exits", "");
    return eventually([&] { return !runs(hosts[0]); });
  })) << manager.log();
  std::filesystem::remove(file);
  kill(hosts[2], SIGCONT);
  manager.start_again();
  EXPECT_THAT(manager.events(), HasSubstr("it exited with status 0 while no manager was there; of its 1 NFs 0 are"));
  EXPECT_THAT(manager.events(), HasSubstr("2 hosts with 2 NFs are taken back"));
  EXPECT_TRUE(goes_on(manager));
  manager.end();
}

}  // namespace
}  // namespace roost::test::outlive

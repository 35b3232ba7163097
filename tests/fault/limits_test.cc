// SPDX-License-Identifier: BSD-3-Clause
// Hosts that want more memory or threads than they may have, with the machine's own control groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/host_groups.h"
#include "tests/fault/neighbours.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Folders of Roost's below this process's own group, in which a manager that it starts is, too.
std::vector<std::string> left_below(const std::string& controller) {
  const GroupFolder own = own_group(controller, content_of("/proc/self/mountinfo"), content_of("/proc/self/cgroup"));
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(own.path, error))
    if (entry.path().filename().string().starts_with("roost-")) found.push_back(entry.path());
  return found;
}

std::vector<std::string> folders_of(pid_t manager, const std::string& controller) {
  std::vector<std::string> found;
  for (const auto& path : left_below(controller))
    if (path.find(fmt::format("roost-{}-", manager)) != std::string::npos)
      for (const auto& entry : std::filesystem::directory_iterator(path))
        if (entry.is_directory()) found.push_back(entry.path());
  return found;
}

class Limits : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's run time takes memory of its own";
    try {
      const HostGroups groups({64, 64});
    } catch (const std::exception& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_F(Limits, WhoTakesMoreMemoryDiesAloneAndIsReportedAsSuch) {
  ManagerProcess manager(two_chains("memory_max_mib = 64"));
  manager.spawn(nf("forward"), "honest", 2, "process");
  manager.spawn(module("test_greedy"), "hostile", 1, "process", {{"packet_mib", 4}});
  EXPECT_TRUE(comes_true([&] { return manager.hosts().size() == 2; })) << manager.events();
  EXPECT_THAT(manager.events(),
              AllOf(HasSubstr("killed by signal 9"),
                    HasSubstr("out of memory: it needs more than its 64 MiB ([hosts] memory_max_mib)")));
  EXPECT_TRUE(honest_go_on(manager));
  EXPECT_TRUE(comes_true([&] { return folders_of(manager.pid(), "memory").size() == 2; }));
  expect_all_back(manager);
  manager.end();
  EXPECT_TRUE(folders_of(manager.pid(), "memory").empty());
}

TEST_F(Limits, WhoTakesItWhenItStartsIsToldSo) {
  ManagerProcess manager(two_chains("memory_max_mib = 64"));
  EXPECT_THAT(manager.refusal("spawn", {{"module", module("test_greedy")},
                                        {"service", "hostile"},
                                        {"tier", "process"},
                                        {"config", {{"start_mib", 256}}}}),
              HasSubstr("out of memory: it needs more than its 64 MiB"));
  manager.spawn(module("test_greedy"), "hostile", 1, "process", {{"start_mib", 16}});
  EXPECT_EQ(manager.hosts().size(), 1U);
  manager.end();
}

TEST_F(Limits, ThreadsAreCounted) {
  ManagerProcess manager(two_chains("pids_max = 16"));
  manager.spawn(nf("forward"), "honest", 1, "process");
  const std::string said = manager.refusal(
      "spawn",
      {{"module", module("test_greedy")}, {"service", "hostile"}, {"tier", "process"}, {"config", {{"threads", 100}}}});
  EXPECT_THAT(said, testing::ContainsRegex("threads=1[0-4] Resource temporarily unavailable"));
  EXPECT_TRUE(honest_go_on(manager));
  manager.end();
  EXPECT_TRUE(folders_of(manager.pid(), "pids").empty());
}

TEST_F(Limits, WhatAKilledManagerLeavesTheNextOneRemoves) {
  const auto before = left_below("memory").size();
  {
    ManagerProcess manager(two_chains("memory_max_mib = 64\npids_max = 64"));
    manager.spawn(nf("forward"), "honest", 3, "process");
    EXPECT_EQ(folders_of(manager.pid(), "memory").size(), 3U);
    EXPECT_EQ(folders_of(manager.pid(), "pids").size(), 3U);
    const auto hosts = manager.live_hosts();
    manager.kill_now(SIGKILL);
    manager.wait_for_end();
    EXPECT_TRUE(
        comes_true([&] { return std::none_of(hosts.begin(), hosts.end(), [](pid_t pid) { return runs(pid); }); }));
    EXPECT_EQ(left_below("memory").size(), before + 1);
  }
  ManagerProcess next(two_chains("memory_max_mib = 64\npids_max = 64"));
  EXPECT_EQ(left_below("memory").size(), before + 1);  // its own
  next.end();
  EXPECT_EQ(left_below("memory").size(), before);
  EXPECT_EQ(left_below("pids").size(), before);
}

}  // namespace
}  // namespace roost::test

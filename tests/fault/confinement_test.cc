// SPDX-License-Identifier: BSD-3-Clause
// What a host of a real manager maps, has open, and may do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/fault/neighbours.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Shared {
  std::string rights, name;
  uint64_t inode;
};

std::vector<Shared> shared_mappings(pid_t pid) {
  std::vector<Shared> found;
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, offset, device;
    Shared each;
    fields >> range >> each.rights >> offset >> device >> each.inode;
    std::getline(fields >> std::ws, each.name);
    if (each.rights.at(3) == 's') found.push_back(each);
  }
  return found;
}

std::string status_of(pid_t pid, const std::string& key) {
  std::istringstream lines(content_of(fmt::format("/proc/{}/status", pid)));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key + ":")) return line.substr(line.find_first_not_of(" \t", key.size() + 1));
  return "";
}

void expect_shared_as_promised(ManagerProcess& manager) {
  const auto managers = shared_mappings(manager.pid());
  const auto hosts = manager.hosts();
  ASSERT_EQ(hosts.size(), 3U);
  std::set<uint64_t> regions;
  for (const Json& host : hosts) {
    const auto pid = host["pid"].get<pid_t>();
    std::vector<std::string> seen;
    for (const Shared& each : shared_mappings(pid)) {
      seen.push_back(each.rights + " " + each.name);
      if (each.name.find("roost-host-") != std::string::npos) regions.insert(each.inode);
    }
    EXPECT_THAT(seen, testing::UnorderedElementsAre(
                          fmt::format("rw-s /memfd:roost-host-{} (deleted)", host["id"].get<int>()),
                          testing::StartsWith("rw-s /memfd:roost-packets-"), "r--s /memfd:roost-paths (deleted)"));
    // Nothing is open by which it could map more, or have another process map it.
    for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
      std::error_code gone;
      const std::string to = std::filesystem::read_symlink(entry.path(), gone).string();
      EXPECT_THAT(to, Not(AllOf(HasSubstr("memfd:roost-"), Not(HasSubstr("module"))))) << pid;
    }
  }
  EXPECT_EQ(regions.size(), hosts.size());  // each its own
  size_t of_manager = 0;
  for (const Shared& each : managers) of_manager += each.name.find("memfd:roost-host-") != std::string::npos;
  EXPECT_EQ(of_manager, hosts.size());
}

TEST(Maps, OfAHostAreItsArenaItsRegionAndPathsReadOnly) {
  ManagerProcess manager(two_chains(""));
  manager.spawn(nf("forward"), "honest", 2, "process");
  manager.spawn(nf("forward"), "hostile", 100);
  ASSERT_TRUE(honest_go_on(manager));
  expect_shared_as_promised(manager);
  manager.end();
}

// The same when another manager has taken it back: nothing of the one before it is left there.
TEST(Maps, OfAHostThatOutlivesItsManagerAreTheNextOnes) {
  ManagerProcess manager(two_chains("outlive_manager_s = 60"));
  manager.spawn(nf("forward"), "honest", 2, "process");
  manager.spawn(nf("forward"), "hostile", 100);
  expect_shared_as_promised(manager);
  manager.kill_now(SIGKILL);
  manager.wait_for_end();
  manager.start_again();
  ASSERT_TRUE(honest_go_on(manager));
  EXPECT_EQ(manager.hosts()[0]["taken_back"], 1);
  expect_shared_as_promised(manager);
  manager.end();
}

class Confinement : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's run time needs what hosts may not do: there is no filter";
  }
};

TEST_F(Confinement, HostsHaveNoPrivilegesAndFewLimits) {
  ManagerProcess manager(two_chains("descriptors_max = 100"));
  manager.spawn(nf("forward"), "honest", 1, "process");
  const pid_t pid = manager.live_hosts().at(0);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) EXPECT_EQ(status_of(pid, set), "0000000000000000");
  EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(status_of(pid, "Seccomp"), "2");
  const std::string limits = content_of(fmt::format("/proc/{}/limits", pid));
  EXPECT_THAT(limits, testing::ContainsRegex("Max core file size +0 +0"));
  EXPECT_THAT(limits, testing::ContainsRegex("Max locked memory +0 +0"));
  EXPECT_THAT(limits, testing::ContainsRegex("Max open files +100 +100"));
  // Each of its threads is bound, those that were there before, too.
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid)))
    EXPECT_THAT(content_of(task.path().string() + "/status"), HasSubstr("Seccomp:\t2"));
  manager.end();
}

TEST_F(Confinement, WhatIsRefusedFailsAndWhatNfsNeedWorks) {
  ManagerProcess manager(two_chains(""));
  manager.spawn(nf("forward"), "honest", 1, "process");
  const pid_t other = manager.live_hosts().at(0);
  const std::string tried = manager.refusal("spawn", {{"module", module("test_forbidden")},
                                                      {"service", "hostile"},
                                                      {"tier", "process"},
                                                      {"config", {{"other", other}}}});
  for (const char* call : {"socket",      "fork",        "clone",
                           "execve",      "ptrace",      "process_vm_writev",
                           "kill",        "tgkill",      "sched_setaffinity",
                           "mount",       "bpf",         "kexec_load",
                           "init_module", "unshare",     "io_uring_setup",
                           "fallocate",   "ftruncate",   "hole",
                           "fork_memory", "own_signals", "dumpable",
                           "write_file",  "lock"})
    EXPECT_THAT(tried, HasSubstr(fmt::format(" {}={} ", call, EPERM)));
  EXPECT_THAT(tried, HasSubstr(fmt::format(" read_memory={} ", EACCES)));
  for (const char* call : {"read_file", "signal_itself", "own_affinity"})
    EXPECT_THAT(tried, HasSubstr(fmt::format(" {}=done ", call)));
  EXPECT_THAT(manager.log(), HasSubstr("an NF called socket(), which hosts may not"));
  EXPECT_THAT(manager.log(), HasSubstr("seccomp_allow = [\"socket\"]"));
  manager.end();
}

TEST_F(Confinement, ARefusedCallIsCountedAndHoldsUpNothing) {
  ManagerProcess manager(two_chains(""));
  manager.spawn(module("test_forbidden"), "honest", 1, "process", {{"while_running", true}});
  ASSERT_TRUE(honest_go_on(manager));
  EXPECT_TRUE(eventually([&] { return manager.hosts().at(0).value("refused_calls", 0) > 10; }));
  EXPECT_EQ(manager.hosts().at(0).value("refused_call", ""), "socket");
  size_t reports = 0;
  const std::string log = manager.log();
  for (size_t at = 0; (at = log.find("called socket()", at)) != std::string::npos; ++at) ++reports;
  EXPECT_EQ(reports, 1U);
  manager.end();
}

TEST_F(Confinement, ConfigurationWidensItOrTakesItAway) {
  for (const char* hosts : {"seccomp_allow = [\"socket\"]", "seccomp = \"log\"", "seccomp = \"off\""}) {
    SCOPED_TRACE(hosts);
    ManagerProcess manager(two_chains(hosts));
    manager.spawn(module("test_forbidden"), "honest", 1, "process", {{"while_running", true}});
    ASSERT_TRUE(honest_go_on(manager, 20));
    EXPECT_FALSE(manager.hosts().at(0).contains("refused_calls"));
    EXPECT_EQ(status_of(manager.live_hosts().at(0), "Seccomp"), std::string(hosts).ends_with("off\"") ? "0" : "2");
    manager.end();
  }
}

// With the filter off as well: a host does not operate its manager.
TEST(Operators, AreNotHosts) {
  if (kHostileReported) GTEST_SKIP() << "what a hostile host does to itself would be this test's failure";
  ManagerProcess manager(two_chains("seccomp = \"off\""));
  manager.spawn(module("test_hostile"), "hostile", 1, "process", {{"deed", "flood"}, {"socket", manager.socket()}});
  EXPECT_TRUE(comes_true([&] { return manager.hosts().empty(); })) << manager.events();
  EXPECT_EQ(manager.operate().call("version").at("pid"), manager.pid());
  manager.end();
}

}  // namespace
}  // namespace roost::test

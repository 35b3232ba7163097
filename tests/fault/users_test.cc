// SPDX-License-Identifier: BSD-3-Clause
// Hosts as users of their own: what they are then, and what they can read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/fault/neighbours.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string status_line(pid_t pid, const std::string& key) {
  std::ifstream lines(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key + ":")) return line.substr(key.size() + 2);
  return "";
}

class Users : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give hosts users of their own";
  }
};

TEST_F(Users, HostsAreTheTenantsOrTheConfiguredOneAndServeAsBefore) {
  ManagerProcess manager(two_chains("user = \"61010\"") + "[[tenants]]\nname = \"acme\"\nuser = \"61011\"\n");
  manager.spawn(nf("forward"), "honest", 1, "process");
  manager.call("spawn", {{"module", nf("forward")}, {"service", "hostile"}, {"tenant", "acme"}, {"count", 3}});
  ASSERT_TRUE(honest_go_on(manager));
  for (const Json& host : manager.hosts()) {
    const auto pid = host["pid"].get<pid_t>();
    const std::string uid = host["tenant"] == "acme" ? "61011" : "61010";
    for (const auto& key : {"Uid", "Gid"})
      EXPECT_EQ(status_line(pid, key), fmt::format("{0}\t{0}\t{0}\t{0}", uid)) << key;
    EXPECT_THAT(status_line(pid, "Groups"), testing::MatchesRegex(" *"));
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
      EXPECT_EQ(status_line(pid, set), "0000000000000000") << set;
    EXPECT_EQ(status_line(pid, "NoNewPrivs"), "1");
    if (!kSanitized) {
      EXPECT_EQ(status_line(pid, "Seccomp"), "2");
    }
  }
  // What the nursery has kept is what this takes, and no more.
  EXPECT_EQ(status_line(manager.nursery(), "CapEff"), "00000000000000c0");
  EXPECT_EQ(status_line(manager.nursery(), "Uid"), "0\t0\t0\t0");
  manager.end();
}

TEST_F(Users, TheyReadWhatTheirUserMayAndNotWhatTheManagersMay) {
  ManagerProcess manager(two_chains("user = \"61010\""));
  const std::string secret = manager.folder().file("secret", "root's"), open = "/etc/passwd";
  ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
  const auto reads = [&](const std::string& path) {
    return manager.refusal(
        "spawn",
        {{"module", module("test_greedy")}, {"service", "hostile"}, {"tier", "process"}, {"config", {{"read", path}}}});
  };
  EXPECT_THAT(reads(secret), HasSubstr("uid=61010 not read"));
  EXPECT_THAT(reads(open), HasSubstr("uid=61010 read"));
  // A module need not be theirs to read: they get the manager's copy.
  std::filesystem::copy_file(nf("forward"), manager.folder().path("own.so"));
  ASSERT_EQ(chmod(manager.folder().path("own.so").c_str(), 0600), 0);
  manager.spawn(manager.folder().path("own.so"), "honest", 1, "process");
  EXPECT_TRUE(honest_go_on(manager));
  manager.end();
}

TEST_F(Users, TheyAreKilledAndEndAsOthersDo) {
  ManagerProcess manager(two_chains("user = \"61010\""));
  manager.spawn(nf("forward"), "honest", 2, "process");
  const pid_t one = manager.live_hosts().at(0);
  EXPECT_EQ(manager.call("stop", {{"nfs", {0}}}).at("killed").size(), 0U);
  EXPECT_TRUE(comes_true([&] { return manager.hosts().size() == 1; }));
  manager.spawn(nf("forward"), "honest", 1, "process");
  const auto hosts = manager.live_hosts();
  manager.kill_now(SIGKILL);
  EXPECT_TRUE(comes_true(
      [&] { return std::none_of(hosts.begin(), hosts.end(), [](pid_t pid) { return runs(pid); }) && !runs(one); }));
  manager.wait_for_end();
}

TEST_F(Users, WhatCannotBeIsSaidAtTheStart) {
  const TempDir folder;
  const auto said = [&](const std::string& config, std::vector<std::string> words = {}) {
    const std::string file = folder.file("roost.toml", config);
    for (const auto& word : {std::string(ROOST_BIN_DIR "/roostd"), std::string("--config"), file,
                             std::string("--socket"), folder.path("s")})
      words.push_back(word);
    const Exit exit = run_to_end(words);
    EXPECT_EQ(exit.status, 1) << exit.said;
    return exit.said;
  };
  EXPECT_THAT(said(two_chains("user = \"no-such-user\"")), HasSubstr("no user is called 'no-such-user' here"));
  EXPECT_THAT(said(two_chains("") + "[[tenants]]\nname = \"acme\"\nuser = \"no-such-user\"\n"),
              HasSubstr("tenant 'acme': 'user': no user is called 'no-such-user' here"));
  if (access("/usr/bin/setpriv", X_OK) != 0) GTEST_SKIP() << "there is no setpriv";
  EXPECT_THAT(said(two_chains("user = \"61010\""), {"setpriv", "--bounding-set=-setuid"}),
              AllOf(HasSubstr("CAP_SETUID"), HasSubstr("leave 'user' out")));
}

}  // namespace
}  // namespace roost::test

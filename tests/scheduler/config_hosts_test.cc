// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "scheduler/config.h"

namespace roost::config_hosts_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPort[] = "[[ports]]\nname = \"p\"\nkind = \"null\"\n";

ManagerConfig::Hosts hosts_of(const std::string& text) { return parse_config(text + kPort, "test").hosts; }

std::string problems_of(const std::string& text) {
  try {
    hosts_of(text);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ConfigHosts, AreStrictUnlessItSaysOtherwise) {
  const auto hosts = hosts_of("");
  EXPECT_EQ(hosts.seccomp, "strict");
  EXPECT_TRUE(hosts.seccomp_allow.empty());
  EXPECT_EQ(hosts.descriptors_max, 1'024U);
  EXPECT_EQ(hosts.outlive_manager_s, 0U);
}

TEST(ConfigHosts, OutliveTheirManagerOnlyWhereTheyAreConfined) {
  EXPECT_EQ(hosts_of("[hosts]\noutlive_manager_s = 30\n").outlive_manager_s, 30U);
  for (const char* more : {"seccomp = \"off\"", "seccomp = \"log\"", "seccomp_allow = [\"openat\"]"})
    EXPECT_THAT(problems_of(std::string("[hosts]\noutlive_manager_s = 30\n") + more + "\n"),
                HasSubstr("'outlive_manager_s' needs seccomp = \"strict\""));
  for (const char* more : {"memory_max_mib = 64", "pids_max = 16"})
    EXPECT_THAT(problems_of(std::string("[hosts]\noutlive_manager_s = 30\n") + more + "\n"),
                HasSubstr("goes with neither 'memory_max_mib' nor 'pids_max'"));
  EXPECT_THAT(problems_of("[hosts]\noutlive_manager_s = 3601\n"), HasSubstr("outlive_manager_s"));
}

TEST(ConfigHosts, AreRead) {
  const auto hosts =
      hosts_of("[hosts]\nseccomp = \"log\"\nseccomp_allow = [\"socket\", \"connect\"]\ndescriptors_max = 64\n");
  EXPECT_EQ(hosts.seccomp, "log");
  EXPECT_THAT(hosts.seccomp_allow, ElementsAre("socket", "connect"));
  EXPECT_EQ(hosts.descriptors_max, 64U);
}

TEST(ConfigHosts, HaveAUserAndLimitsWhereItSaysSo) {
  EXPECT_FALSE(hosts_of("").user);
  EXPECT_FALSE(hosts_of("").limits.any());
  const auto hosts = hosts_of("[hosts]\nuser = \"root\"\nmemory_max_mib = 256\npids_max = 64\n");
  ASSERT_TRUE(hosts.user);
  EXPECT_EQ(hosts.user->uid, 0U);
  EXPECT_EQ(hosts.limits.memory_max_mib, 256U);
  EXPECT_EQ(hosts.limits.pids_max, 64U);
  const auto tenants = parse_config(std::string(kPort) + "[[tenants]]\nname = \"a\"\nuser = \"77\"\n", "test").tenants;
  ASSERT_TRUE(tenants.at(0).user);
  EXPECT_EQ(tenants.at(0).user->uid, 77U);
}

TEST(ConfigHosts, WhatIsWrongIsNamed) {
  EXPECT_THAT(problems_of("[hosts]\nuser = \"no-such-user\"\n"),
              HasSubstr("test:2:8: [hosts]: 'user': no user is called 'no-such-user' here"));
  EXPECT_THAT(problems_of("[hosts]\nmemory_max_mib = 1\n"), HasSubstr("memory_max_mib"));
  EXPECT_THAT(problems_of("[hosts]\npids_max = 2\n"), HasSubstr("pids_max"));
  EXPECT_THAT(problems_of("[hosts]\nseccomp = \"strikt\"\n"), HasSubstr("strict"));
  EXPECT_THAT(problems_of("[hosts]\nseccomp_allow = [\"sokket\"]\n"),
              HasSubstr("test:2:18: [hosts]: 'seccomp_allow' lists what is no system call"));
  EXPECT_THAT(problems_of("[hosts]\nseccomp_allow = [7]\n"), HasSubstr("no system call"));
  EXPECT_THAT(problems_of("[hosts]\nseccomp_allow = \"socket\"\n"), HasSubstr("seccomp_allow"));
  EXPECT_THAT(problems_of("[hosts]\ndescriptors_max = 1\n"), HasSubstr("descriptors_max"));
  EXPECT_THAT(problems_of("[hosts]\nsecomp = \"off\"\n"), HasSubstr("seccomp"));
}

}  // namespace
}  // namespace roost::config_hosts_test

// SPDX-License-Identifier: BSD-3-Clause
// Where groups are; what they do, tests/fault/limits_test.cc tries.
#include "scheduler/host_groups.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr char kMountsV1[] =
    "30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
    "35 30 0:31 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
    "36 30 0:32 /lxc/one /sys/fs/cgroup/cpu,pids rw,nosuid shared:3 - cgroup cgroup rw,cpu,pids\n";
constexpr char kMineV1[] = "9:name=systemd:/x\n8:cpu,pids:/lxc/one/a\n4:memory:/app\n0::/\n";

TEST(HostGroups, AreBelowTheProcessesOwnInVersion1) {
  const GroupFolder memory = own_group("memory", kMountsV1, kMineV1);
  EXPECT_EQ(memory.version, 1);
  EXPECT_EQ(memory.path, "/sys/fs/cgroup/memory/app");
  const GroupFolder pids = own_group("pids", kMountsV1, kMineV1);  // seen from a part of the hierarchy
  EXPECT_EQ(pids.version, 1);
  EXPECT_EQ(pids.path, "/sys/fs/cgroup/cpu,pids/a");
}

TEST(HostGroups, AreBelowItInVersion2WhereVersion1HasNoSuchController) {
  const GroupFolder unified = own_group("hugetlb", kMountsV1, kMineV1);
  EXPECT_EQ(unified.version, 2);
  EXPECT_EQ(unified.path, "/sys/fs/cgroup/unified");
  const GroupFolder alone = own_group("memory", "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
                                      "0::/system.slice/roost.service\n");
  EXPECT_EQ(alone.version, 2);
  EXPECT_EQ(alone.path, "/sys/fs/cgroup/system.slice/roost.service");
}

TEST(HostGroups, AreNowhereWhereThereIsNothing) {
  EXPECT_EQ(own_group("memory", "", "").version, 0);
  EXPECT_EQ(own_group("memory", kMountsV1, "").version, 0);
  EXPECT_EQ(own_group("memory", "nonsense\n1 2 3 4 5 6 -\n", "a\n:\n::\nmemory\n").version, 0);
}

TEST(HostGroups, WithoutLimitsNothingIsMade) {
  HostGroups groups({});
  groups.add(1, 1);
  EXPECT_FALSE(groups.out_of_memory(1));
  groups.remove(1);
}

}  // namespace
}  // namespace roost

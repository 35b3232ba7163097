// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/host_demands.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

OwnSettings own(Setting setting, uint64_t value) {
  OwnSettings settings;
  settings.set(setting, value);
  return settings;
}

TEST(HostDemands, WithoutAnyTheManagersCount) {
  HostDemands demands;
  demands.add({}, 5);
  EXPECT_EQ(demands.strictest(5, Settings()), HostSettings());
  EXPECT_EQ(HostDemands().strictest(0, Settings()), HostSettings());
}

TEST(HostDemands, TheStrictestCounts) {
  Settings managers;
  managers.set(Setting::wake_packets, 16);
  HostDemands demands;
  demands.add(own(Setting::wake_packets, 64), 2);
  EXPECT_EQ(demands.strictest(2, managers).wake_packets, 64U);
  EXPECT_EQ(demands.strictest(3, managers).wake_packets, 16U) << "one NF has none of its own";
  demands.add(own(Setting::wake_packets, 4), 1);
  EXPECT_EQ(demands.strictest(3, managers).wake_packets, 4U);
  demands.remove(own(Setting::wake_packets, 4), 1);
  EXPECT_EQ(demands.strictest(2, managers).wake_packets, 64U);
  demands.remove(own(Setting::wake_packets, 64), 2);
  EXPECT_EQ(demands.strictest(7, managers), HostSettings());
}

TEST(HostDemands, EarliestDeadlineLongestSpin) {
  HostDemands demands;
  for (const uint64_t us : {30, 10, 20}) {
    demands.add(own(Setting::wake_deadline_us, us), 1);
    demands.add(own(Setting::spin_us, us), 1);
  }
  EXPECT_EQ(demands.strictest(3, Settings()).wake_deadline_us, 10U);
  EXPECT_EQ(demands.strictest(3, Settings()).spin_us, 30U);
}

TEST(HostDemands, TheLeastTargetAndNoneIsTheLaxest) {
  HostDemands demands;
  demands.add(own(Setting::sojourn_target_us, 0), 1);
  EXPECT_EQ(demands.strictest(1, Settings()).sojourn_target_us, 0U);
  demands.add(own(Setting::sojourn_target_us, 500), 1);
  demands.add(own(Setting::sojourn_target_us, 300), 1);
  EXPECT_EQ(demands.strictest(3, Settings()).sojourn_target_us, 300U);
  EXPECT_EQ(demands.strictest(4, Settings()).sojourn_target_us, 300U) << "the manager has none";
  Settings managers;
  managers.set(Setting::sojourn_target_us, 200);
  EXPECT_EQ(demands.strictest(4, managers).sojourn_target_us, 200U);
}

TEST(HostDemands, BurstsOfTheirOwnAreKnown) {
  HostDemands demands;
  demands.add(own(Setting::burst_packets, 3), 2);
  EXPECT_TRUE(demands.strictest(9, Settings()).own_bursts);
  demands.remove(own(Setting::burst_packets, 3), 2);
  EXPECT_FALSE(demands.strictest(9, Settings()).own_bursts);
}

}  // namespace
}  // namespace roost

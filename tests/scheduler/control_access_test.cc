// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/control_access.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(ControlAccess, IsTheManagersUsersAndRootsUnlessItSaysOtherwise) {
  const ControlAccess access(1000);
  EXPECT_EQ(access.role_of({1, 1000, 5}), Role::operate);
  EXPECT_EQ(access.role_of({1, 0, 0}), Role::operate);
  EXPECT_EQ(access.role_of({1, 1001, 1000}), Role::none);
}

TEST(ControlAccess, GoesByUserGroupAndFurtherGroups) {
  ManagerConfig::Control control;
  control.operators = {{2000}, {20}};
  control.observers = {{3000, 2000}, {30}};
  const ControlAccess access(1000, control);
  EXPECT_EQ(access.role_of({1, 2000, 1}), Role::operate);  // the more of the two
  EXPECT_EQ(access.role_of({1, 5, 20}), Role::operate);
  EXPECT_EQ(access.role_of({1, 5, 30, {1, 20}}), Role::operate);
  EXPECT_EQ(access.role_of({1, 3000, 1}), Role::observe);
  EXPECT_EQ(access.role_of({1, 5, 30}), Role::observe);
  EXPECT_EQ(access.role_of({1, 5, 1, {2, 30}}), Role::observe);
  EXPECT_EQ(access.role_of({1, 20, 2000, {3000}}), Role::none);  // users are not groups
}

TEST(ControlAccess, LookingIsForObserversAndAllElseIsNot) {
  for (const char* method :
       {"version", "ps", "stats", "get", "chains", "ports", "totals", "events", "rule_list", "rule_show"})
    EXPECT_EQ(ControlAccess::needed(method), Role::observe) << method;
  for (const char* method : {"spawn",     "stop",      "tell",          "set",      "unset", "scale",  "upgrade",
                             "chain_add", "chain_set", "chain_del",     "port_set", "pause", "resume", "resume_nf",
                             "rule_add",  "rule_del",  "clear_latency", "down",     "",      "fly"})
    EXPECT_EQ(ControlAccess::needed(method), Role::operate) << method;
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "scheduler/config.h"

namespace roost {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPortOfControl[] = "[[ports]]\nname = \"p\"\nkind = \"null\"\n";

ManagerConfig::Control control_of(const std::string& text) {
  return parse_config(text + kPortOfControl, "test").control;
}

std::string problems_with_control(const std::string& text) {
  try {
    control_of(text);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ConfigControl, IsForTheManagersUserUnlessItSaysOtherwise) {
  const auto control = control_of("");
  EXPECT_TRUE(control.operators.empty());
  EXPECT_TRUE(control.observers.empty());
  EXPECT_EQ(control.file_mode(), 0600U);
  EXPECT_FALSE(control.group);
}

TEST(ConfigControl, IsRead) {
  const auto control = control_of(
      "[control]\noperators = [\"root\", \"@20\"]\nobservers = [\"65534\"]\nmode = \"0640\"\ngroup = \"7\"\n");
  EXPECT_THAT(control.operators.users, ElementsAre(0));
  EXPECT_THAT(control.operators.groups, ElementsAre(20));
  EXPECT_THAT(control.observers.users, ElementsAre(65534));
  EXPECT_EQ(control.file_mode(), 0640U);
  EXPECT_EQ(control.group, 7U);
}

TEST(ConfigControl, TheFileIsAsOpenAsTheListsNeed) {
  EXPECT_EQ(control_of("[control]\nobservers = [\"65534\"]\n").file_mode(), 0666U);
  EXPECT_EQ(control_of("[control]\nobservers = [\"65534\"]\ngroup = \"7\"\n").file_mode(), 0660U);
}

TEST(ConfigControl, WhatIsWrongIsNamed) {
  EXPECT_THAT(problems_with_control("[control]\noperators = [\"no-such-one\"]\nobservers = [\"@no-such\"]\n"),
              AllOf(HasSubstr("test:2:14: [control]: 'operators': no user is called 'no-such-one'"),
                    HasSubstr("test:3:14: [control]: 'observers': no group is called 'no-such'")));
  EXPECT_THAT(problems_with_control("[control]\noperators = [7]\n"), HasSubstr("'operators' lists users"));
  EXPECT_THAT(problems_with_control("[control]\noperators = \"root\"\n"), HasSubstr("operators"));
  EXPECT_THAT(problems_with_control("[control]\ngroup = \"no-such\"\n"), HasSubstr("no group is called 'no-such'"));
  for (const char* mode : {"0999", "rw", "", "1777", "0060", "0o660"})
    EXPECT_THAT(problems_with_control("[control]\nmode = \"" + std::string(mode) + "\"\n"), HasSubstr("octal")) << mode;
  EXPECT_THAT(problems_with_control("[control]\noperator = [\"root\"]\n"), HasSubstr("did you mean 'operators'"));
}

}  // namespace
}  // namespace roost

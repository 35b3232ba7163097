// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace roost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Accounts, AreFoundByNameAndByNumber) {
  const User root = user_named("root");
  EXPECT_EQ(root.uid, 0U);
  EXPECT_EQ(root.gid, 0U);
  EXPECT_EQ(user_named("0").uid, 0U);
  EXPECT_EQ(group_named("root"), 0U);
  EXPECT_EQ(group_named("12345"), 12345U);
  const User nameless = user_named("4000000");
  EXPECT_EQ(nameless.uid, 4000000U);
  EXPECT_EQ(nameless.gid, 4000000U);
}

TEST(Accounts, ThatThereAreNotAreErrors) {
  EXPECT_THAT(error_of([] { user_named("nobody-at-all"); }), HasSubstr("no user is called 'nobody-at-all'"));
  EXPECT_THAT(error_of([] { group_named("nobody-at-all"); }), HasSubstr("no group is called 'nobody-at-all'"));
  for (const char* name : {"", "-1", "4294967295", "4294967296", "1x"}) {
    EXPECT_THAT(error_of([&] { user_named(name); }), HasSubstr("no user")) << name;
    EXPECT_THAT(error_of([&] { group_named(name); }), HasSubstr("no group")) << name;
  }
  EXPECT_THAT(error_of([] { user_named(std::string("root\0x", 6)); }), HasSubstr("zero byte"));
}

TEST(Accounts, GroupsHaveAMarkInLists) {
  Accounts accounts;
  EXPECT_TRUE(accounts.empty());
  add_account(accounts, "root");
  add_account(accounts, "@7");
  EXPECT_THAT(accounts.users, ElementsAre(0));
  EXPECT_THAT(accounts.groups, ElementsAre(7));
}

}  // namespace
}  // namespace roost

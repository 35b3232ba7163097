// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/comebacks.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

using Ranges = Comebacks::Ranges;

Comeback comeback(uint32_t host, uint64_t due_ms, const std::vector<NfGroup>& groups) {
  Comeback made;
  made.host = host;
  made.history.due_ms = due_ms;
  for (const NfGroup& group : groups) made.groups[group.first] = group;
  return made;
}

NfGroup group(uint32_t first, uint32_t count, uint16_t service = 0) {
  NfGroup made;
  made.first = first;
  made.count = count;
  made.service = service;
  return made;
}

TEST(Comebacks, WhoIsDueFirstComesFirst) {
  Comebacks waiting;
  EXPECT_EQ(waiting.next_ms(), std::nullopt);
  EXPECT_FALSE(waiting.take_due(1'000'000).has_value());
  waiting.add(comeback(1, 200, {group(0, 4)}));
  waiting.add(comeback(2, 100, {group(8, 2), group(4, 2)}));
  EXPECT_EQ(waiting.nfs(), 8U);
  EXPECT_EQ(waiting.next_ms(), 100U);
  EXPECT_FALSE(waiting.take_due(99).has_value());
  const auto first = waiting.take_due(150);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->host, 2U);
  EXPECT_EQ(first->groups.size(), 2U);
  EXPECT_FALSE(waiting.take_due(150).has_value());
  EXPECT_EQ(waiting.nfs(), 4U);
  EXPECT_EQ(waiting.take_due(200)->host, 1U);
  EXPECT_EQ(waiting.nfs(), 0U);
  EXPECT_EQ(waiting.next_ms(), std::nullopt);
}

TEST(Comebacks, GroupsAreFoundByTheirNfs) {
  Comebacks waiting;
  waiting.add(comeback(1, 200, {group(10, 4), group(30, 1)}));
  EXPECT_EQ(waiting.group_from(0), 10U);
  EXPECT_EQ(waiting.group_from(13), 10U);
  EXPECT_EQ(waiting.group_from(14), 30U);
  EXPECT_EQ(waiting.group_from(31), std::nullopt);
  EXPECT_EQ(waiting.of_nf(9), nullptr);
  EXPECT_EQ(waiting.of_nf(12)->host, 1U);
  EXPECT_EQ(waiting.of_nf(14), nullptr);
}

TEST(Comebacks, SingleNfsAreTakenOut) {
  Comebacks waiting;
  waiting.add(comeback(1, 200, {group(10, 6)}));
  waiting.add(comeback(2, 300, {group(16, 2), group(20, 1)}));
  EXPECT_EQ(waiting.cancel(12, 2), (Ranges{{12, 2}}));
  EXPECT_EQ(waiting.of_nf(11)->host, 1U);
  EXPECT_EQ(waiting.of_nf(12), nullptr);
  EXPECT_EQ(waiting.of_nf(14)->host, 1U);
  EXPECT_EQ(waiting.cancel(12, 2), Ranges{});
  EXPECT_EQ(waiting.cancel(15, 2), (Ranges{{15, 1}, {16, 1}})) << "of two hosts";
  EXPECT_EQ(waiting.nfs(), 5U);
  EXPECT_EQ(waiting.cancel(0, UINT32_MAX), (Ranges{{10, 2}, {14, 1}, {17, 1}, {20, 1}}));
  EXPECT_EQ(waiting.nfs(), 0U);
  EXPECT_EQ(waiting.next_ms(), std::nullopt) << "a host without NFs does not come back";
}

TEST(Comebacks, AServiceIsTakenOutOrChanged) {
  Comebacks waiting;
  waiting.add(comeback(1, 200, {group(0, 2, 0), group(2, 3, 1)}));
  waiting.add(comeback(2, 300, {group(5, 1, 1)}));
  EXPECT_EQ(waiting.change_service(1, [](NfGroup& each) { each.module = "new"; }), 4U);
  EXPECT_EQ(waiting.of_group(2)->groups.at(2).module, "new");
  EXPECT_EQ(waiting.of_group(0)->groups.at(0).module, "");
  EXPECT_EQ(waiting.cancel_service(1), (Ranges{{2, 3}, {5, 1}}));
  EXPECT_EQ(waiting.nfs(), 2U);
  EXPECT_EQ(waiting.take_due(1'000)->host, 1U);
  EXPECT_FALSE(waiting.take_due(1'000).has_value());
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/quarantine.h"

#include <gtest/gtest.h>

namespace roost::quarantine_test {
namespace {

constexpr RestartLimits kLimits{100, 1'000};
using Nfs = std::vector<uint32_t>;

void overrun(Quarantine& quarantine, uint32_t nf, uint64_t now_ms, const RestartLimits& limits = kLimits) {
  quarantine.seen(nf);
  quarantine.confirmed(nf, limits, now_ms);
}

TEST(Quarantine, ASuspicionThatEndsLeavesNothing) {
  Quarantine quarantine;
  quarantine.seen(7);
  EXPECT_TRUE(quarantine.has(7));
  EXPECT_EQ(quarantine.next_ms(), std::nullopt);
  quarantine.cleared(7);
  EXPECT_FALSE(quarantine.has(7));
  EXPECT_EQ(quarantine.times(7), 0U);
}

TEST(Quarantine, WhoIsDueFirstComesFirst) {
  Quarantine quarantine;
  overrun(quarantine, 7, 50);
  overrun(quarantine, 3, 40);
  overrun(quarantine, 5, 60, {0, 1'000});
  EXPECT_EQ(quarantine.next_ms(), 140U);
  EXPECT_EQ(quarantine.due(139, 16), Nfs{});
  EXPECT_EQ(quarantine.due(140, 16), Nfs{3});
  EXPECT_EQ(quarantine.due(10'000, 16), (Nfs{3, 7})) << "NF 5 waits for an operator";
  EXPECT_EQ(quarantine.due(10'000, 1), Nfs{3});
  EXPECT_EQ(quarantine.due_ms(5), std::nullopt);
  quarantine.put_off(3, 500);
  EXPECT_EQ(quarantine.next_ms(), 150U);
  EXPECT_EQ(quarantine.due(499, 16), Nfs{7});
  EXPECT_EQ(quarantine.due(500, 16), (Nfs{7, 3}));
  EXPECT_EQ(quarantine.due_ms(3), 140U) << "its wait was over then";
}

TEST(Quarantine, CountsAndWaitsLongerEachTime) {
  Quarantine quarantine;
  overrun(quarantine, 7, 1'000);
  EXPECT_EQ(quarantine.due_ms(7), 1'100U);
  quarantine.released(7, false, 1'100);
  EXPECT_FALSE(quarantine.has(7));
  EXPECT_EQ(quarantine.next_ms(), std::nullopt);
  overrun(quarantine, 7, 1'150);
  EXPECT_EQ(quarantine.due_ms(7), 1'350U) << "it worked for 50 ms";
  EXPECT_EQ(quarantine.times(7), 2U);
  quarantine.released(7, false, 1'400);
  overrun(quarantine, 7, 2'000);
  EXPECT_EQ(quarantine.due_ms(7), 2'100U) << "for 600: 2 x 200 and 2 x 100";
  quarantine.released(7, false, 2'100);
  overrun(quarantine, 7, 2'100);
  quarantine.released(7, true, 2'200);
  overrun(quarantine, 7, 2'200);
  EXPECT_EQ(quarantine.due_ms(7), 2'300U) << "brought back by an operator, it begins anew";
  EXPECT_EQ(quarantine.times(7), 5U);
}

TEST(Quarantine, FollowsSettingsWhileItWaits) {
  Quarantine quarantine;
  overrun(quarantine, 7, 1'000);
  quarantine.settle(7, {400, 1'000});
  EXPECT_EQ(quarantine.next_ms(), 1'400U);
  quarantine.settle(7, {0, 1'000});
  EXPECT_EQ(quarantine.next_ms(), std::nullopt);
  quarantine.put_off(7, 9'000);
  EXPECT_EQ(quarantine.next_ms(), std::nullopt) << "not by itself";
  quarantine.settle(7, {5, 1'000});
  EXPECT_EQ(quarantine.next_ms(), 1'005U);
  quarantine.released(7, true, 2'000);
  quarantine.settle(7, {5, 1'000});
  EXPECT_EQ(quarantine.next_ms(), std::nullopt) << "it isn't in quarantine";
}

TEST(Quarantine, AFurtherSuspicionIsNoQuarantineYet) {
  Quarantine quarantine;
  overrun(quarantine, 7, 0);
  quarantine.released(7, false, 100);
  quarantine.seen(7);
  quarantine.settle(7, kLimits);
  EXPECT_EQ(quarantine.next_ms(), std::nullopt);
  quarantine.cleared(7);
  EXPECT_EQ(quarantine.times(7), 1U);
  quarantine.confirmed(7, kLimits, 900);  // an operator was quicker
  EXPECT_EQ(quarantine.times(7), 2U);
  EXPECT_EQ(quarantine.next_ms(), std::nullopt);
}

TEST(Quarantine, OthersOfTheSameNumbersBeginAnew) {
  Quarantine quarantine;
  for (const uint32_t nf : {4U, 5U, 6U, 9U}) overrun(quarantine, nf, 0);
  quarantine.seen(7);
  quarantine.forget(5, 4);
  EXPECT_EQ(quarantine.nfs(), (std::set<uint32_t>{4, 9}));
  EXPECT_EQ(quarantine.due(1'000, 16), (Nfs{4, 9}));
  EXPECT_EQ(quarantine.times(5), 0U);
}

}  // namespace
}  // namespace roost::quarantine_test

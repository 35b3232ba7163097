// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/wake.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr WakeThreshold kFourOrThousand{4, 1'000};

TEST(WakePolicy, NothingWaitsNobodyIsWoken) {
  EXPECT_FALSE(worth_waking(0, 0, kFourOrThousand));
  EXPECT_FALSE(worth_waking(0, UINT64_MAX, kFourOrThousand));
  EXPECT_FALSE(worth_waking(0, 0, {0, 0}));
}

TEST(WakePolicy, EnoughPacketsOrLongEnough) {
  EXPECT_FALSE(worth_waking(3, 999, kFourOrThousand));
  EXPECT_TRUE(worth_waking(4, 0, kFourOrThousand));
  EXPECT_TRUE(worth_waking(5, 0, kFourOrThousand));
  EXPECT_TRUE(worth_waking(1, 1'000, kFourOrThousand));
  EXPECT_TRUE(worth_waking(1, 0, {1, 1'000}));
  EXPECT_TRUE(worth_waking(1, 0, {100, 0}));
}

// What makes both sides agree: at the moment that one side computes as due, the other finds it worth waking.
TEST(WakePolicy, NoThresholdStrandsAPacket) {
  for (const uint64_t since : {uint64_t{1}, uint64_t{12'345}, uint64_t{1} << 60})
    for (const uint64_t deadline : {0U, 1U, 50'000U, 1U << 31})
      for (const uint64_t packets : {1U, 32U, 1U << 20}) {
        const WakeThreshold threshold{packets, deadline};
        const uint64_t due = wake_due(since, threshold);
        EXPECT_TRUE(worth_waking(1, due - since, threshold));
        if (deadline > 0) {
          EXPECT_EQ(worth_waking(1, due - since - 1, threshold), packets == 1);
        }
      }
}

}  // namespace
}  // namespace roost

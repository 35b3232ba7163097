// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/request_rate.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

uint32_t taken(RequestRate& rate, uint64_t now_us, uint64_t per_s, uint32_t tries) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < tries; ++i) count += rate.take(now_us, per_s);
  return count;
}

TEST(RequestRate, ASecondsWorthAtOnceAndThenAsItFills) {
  RequestRate rate;
  EXPECT_EQ(taken(rate, 5, 100, 1'000), 100U);
  EXPECT_EQ(taken(rate, 5 + 9'000, 100, 10), 0U);
  EXPECT_EQ(taken(rate, 5 + 50'000, 100, 10), 5U);
  EXPECT_EQ(taken(rate, 60'000'000, 100, 1'000), 100U);  // no more than a second's worth is saved up
}

TEST(RequestRate, OverManySecondsItIsWhatItSays) {
  RequestRate rate;
  uint32_t count = 0;
  for (uint64_t ms = 0; ms < 10'000; ++ms) count += taken(rate, 1 + ms * 1'000, 300, 2);
  EXPECT_NEAR(count, 300 + 3'000, 2);
}

TEST(RequestRate, TheLimitChangesAndCanBeNone) {
  RequestRate rate;
  EXPECT_EQ(taken(rate, 1, 0, 5'000), 5'000U);
  EXPECT_EQ(taken(rate, 1, 10, 100), 10U);
  EXPECT_EQ(taken(rate, 1, 0, 100), 100U);
  EXPECT_EQ(taken(rate, 1 + 100'000, 1'000, 500), 100U);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/clock.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(TscClock, MicrosecondsToTicks) {
  const TscClock clock(2'999'999'999);
  EXPECT_EQ(clock.from_us(0), 0U);
  EXPECT_EQ(clock.from_us(1), 2'999U);
  EXPECT_EQ(clock.from_us(1'000'000), 2'999'999'999U);
  EXPECT_EQ(clock.from_us(1'500'001), 1'500'001 * uint64_t{2'999'999'999} / 1'000'000);
}

TEST(TscClock, LongTimesDoNotOverflow) {
  const TscClock clock(3'000'000'000);
  EXPECT_EQ(clock.from_us(uint64_t{7'200} * 1'000'000), uint64_t{7'200} * 3'000'000'000);
  EXPECT_EQ(clock.from_us(uint64_t{30} * 86'400 * 1'000'000), uint64_t{30} * 86'400 * 3'000'000'000);
  EXPECT_EQ(clock.from_us(UINT64_MAX), TscClock::kFarAway);
  EXPECT_LE(clock.from_us(UINT64_MAX / 6'000), TscClock::kFarAway);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/spin.h"

#include <gtest/gtest.h>

namespace roost::spin_test {
namespace {

constexpr uint64_t kMost = 20'000, kWake = 15'000;

// A worker whose packets come at such distances. Returns the cycles it looked in vain, over all of them.
template <typename Spin>
struct Waits {
  Spin spin;
  uint64_t looked = 0, slept = 0, paid = 0;

  void gap(uint64_t cycles, uint64_t most = kMost) {
    const uint64_t patience = spin.patience(most);
    EXPECT_LE(patience, most);
    looked += std::min(patience, cycles);
    if (cycles <= patience) {
      ++paid;
      spin.paid(cycles, most);
    } else {
      ++slept;
      spin.slept(cycles + kWake, most);
    }
  }
};

TEST(FixedSpin, LooksForTheSameTimeAlways) {
  Waits<FixedSpin> waits{};
  for (int i = 0; i < 10; ++i) waits.gap(1'000'000);
  EXPECT_EQ(waits.looked, 10 * kMost);
}

TEST(AdaptiveSpin, StopsLookingWhereNothingComesSoon) {
  Waits<AdaptiveSpin> waits{AdaptiveSpin(kWake)};
  EXPECT_EQ(waits.spin.patience(kMost), kMost) << "begins as the reference";
  for (int i = 0; i < 100; ++i) waits.gap(1'000'000);
  EXPECT_EQ(waits.spin.patience(kMost), 0U);
  EXPECT_LT(waits.looked, 4 * kMost) << "of the reference's 100";
}

// What a look is good for besides shows only when one is had.
TEST(AdaptiveSpin, TriesAWholeLookNowAndThen) {
  Waits<AdaptiveSpin> waits{AdaptiveSpin(kWake)};
  uint32_t tries = 0;
  for (int i = 0; i < 10'000; ++i) {
    tries += i > 100 && waits.spin.patience(kMost) == kMost;
    waits.gap(1'000'000);
  }
  EXPECT_GE(tries, 100U);
  EXPECT_LT(waits.looked, 200 * kMost) << "a look in vain seldom costs";
  while (waits.spin.patience(kMost) == 0) waits.spin.slept(1'000'000, kMost);
  for (int i = 0; i < 100; ++i) {
    waits.spin.paid(kMost / 4, kMost);
    EXPECT_GE(waits.spin.patience(kMost), kMost / 4);
  }
}

TEST(AdaptiveSpin, LooksWhereItPays) {
  Waits<AdaptiveSpin> waits{AdaptiveSpin(kWake)};
  for (int i = 0; i < 50; ++i) waits.gap(1'000'000);
  waits.slept = 0;
  for (int i = 0; i < 100; ++i) waits.gap(kMost / 2);
  EXPECT_LE(waits.slept, 6U) << "it doubles";
  EXPECT_GE(waits.paid, 94U);
  waits.gap(1'000'000);  // one gap between does not make it forget
  const uint64_t slept = waits.slept;
  for (int i = 0; i < 10; ++i) waits.gap(kMost / 4);
  EXPECT_EQ(waits.slept, slept);
}

TEST(AdaptiveSpin, NeverLooksForLongerThanTheReference) {
  for (const uint64_t gap : {100U, 5'000U, 19'999U, 20'001U, 34'000U, 36'000U, 100'000U}) {
    Waits<AdaptiveSpin> adaptive{AdaptiveSpin(kWake)};
    Waits<FixedSpin> fixed{};
    for (int i = 0; i < 1'000; ++i) {
      adaptive.gap(gap);
      fixed.gap(gap);
    }
    EXPECT_LE(adaptive.looked, fixed.looked) << gap;
    if (gap <= kMost) {
      EXPECT_GE(adaptive.paid, 990U) << gap;
    }
  }
}

TEST(AdaptiveSpin, FollowsTheSetting) {
  Waits<AdaptiveSpin> waits{AdaptiveSpin(kWake)};
  waits.gap(10, 100);
  EXPECT_LE(waits.spin.patience(50), 50U);
  EXPECT_EQ(waits.spin.patience(0), 0U);
  waits.spin.slept(1'000, 0);
  waits.spin.slept(1'000, 0);
  EXPECT_EQ(waits.spin.patience(0), 0U);
  for (int i = 0; i < 10; ++i) waits.gap(kMost / 2);  // and comes back when it is raised
  EXPECT_GT(waits.paid, 3U);
}

}  // namespace
}  // namespace roost::spin_test

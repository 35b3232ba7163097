// SPDX-License-Identifier: BSD-3-Clause
// What every experiment says of its samples: pairs in turn, medians and ranges, fairness.
#include "experiments/harness/harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::experiment {
namespace {

TEST(Pairs, AreMeasuredInTurnAndTheFirstIsWarmUp) {
  std::string order;
  double slice = 0;
  const Pairs pairs = measure_pairs(
      3, [&] { return order += 'A', ++slice; }, [&] { return order += 'B', 2.0; });
  EXPECT_EQ(order, "ABABABAB");
  // The slices that count are 2, 3 and 4.
  EXPECT_EQ(pairs.thing.median, 3);
  EXPECT_EQ(pairs.thing.least, 2);
  EXPECT_EQ(pairs.ratio.most, 2);
}

// A machine that becomes half as fast in the middle of a run: ratios of neighbours do not notice, and a ratio of
// medians would, had one side been measured before the other.
TEST(Pairs, WhatSlowsBothSidesIsInNoRatio) {
  int slices = 0;
  const auto speed = [&] { return slices++ < 5 ? 10.0 : 5.0; };
  const Pairs pairs = measure_pairs(
      4, [&] { return 3 * speed(); }, [&] { return 2 * speed(); });
  EXPECT_DOUBLE_EQ(pairs.ratio.median, 1.5);
  EXPECT_EQ(pairs.thing.most, 30);
  EXPECT_EQ(pairs.thing.least, 15);
}

TEST(Spread, IsTheMedianAndTheWholeRange) {
  EXPECT_EQ(spread_of({5, 1, 3}).median, 3);
  const Spread even = spread_of({4, 1, 2, 8});
  EXPECT_EQ(even.median, 3);
  EXPECT_EQ(even.least, 1);
  EXPECT_EQ(even.most, 8);
  EXPECT_EQ(spread_of({}).median, 0);
}

TEST(Jain, IsOneOfEqualSharesAndOneInNOfAllForOne) {
  EXPECT_DOUBLE_EQ(jain({3, 3, 3, 3}), 1);
  EXPECT_DOUBLE_EQ(jain({1, 0, 0, 0}), 0.25);
  EXPECT_EQ(jain({0, 0}), 0);
}

}  // namespace
}  // namespace roost::experiment

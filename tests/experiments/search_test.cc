// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/search.h"

#include <gtest/gtest.h>

#include <random>

namespace roost::experiment {
namespace {

// Loses nothing up to `knee`, and what is above `capacity` beyond it; a little in between.
double loss_at(double rate, double knee, double capacity) {
  if (rate <= knee) return 0;
  if (rate <= capacity) return 0.001 * (rate - knee) / (capacity - knee);
  return 1 - capacity / rate;
}

TEST(RateSearch, FindsBothRatesOfASyntheticCurveWithinItsWidth) {
  for (const double capacity : {5e4, 3e5, 0.95e6}) {
    const double knee = 0.6 * capacity;
    RateSearch search({.rate_most = 1e6, .width = 0.02, .trials_most = 200, .repeats = 1},
                      [&](double rate) { return loss_at(rate, knee, capacity); });
    const SearchResult result = search.find({{0.005}, {0}});
    // Half a per cent is lost at capacity / 0.995.
    EXPECT_NEAR(result.rates[0], capacity / 0.995, 0.02 * capacity);
    EXPECT_NEAR(result.rates[1], knee, 0.02 * knee);
    EXPECT_LE(loss_at(result.rates[1], knee, capacity), 0);
  }
}

TEST(RateSearch, TheWholeRateIsFoundInOneTrialWhereNothingIsLost) {
  RateSearch search({.rate_most = 2e6, .repeats = 1}, [](double) { return 0.0; });
  const SearchResult result = search.find({{0}});
  EXPECT_EQ(result.rates[0], 2e6);
  EXPECT_EQ(result.trials, 1);
}

TEST(RateSearch, WhereAllIsLostItEndsAndFindsNothing) {
  RateSearch search({.rate_least = 1'000, .rate_most = 1e6, .trials_most = 100, .repeats = 1},
                    [](double) { return 1.0; });
  const SearchResult result = search.find({{0.005}, {0}});
  EXPECT_EQ(result.rates[0], 0);
  EXPECT_EQ(result.rates[1], 0);
  EXPECT_LE(result.trials, 12);  // halves from a million to a thousand, and nothing is tried twice
}

TEST(RateSearch, IsBounded) {
  int trials = 0;
  RateSearch search({.rate_most = 1e6, .width = 1e-9, .trials_most = 17, .repeats = 3}, [&](double rate) {
    ++trials;
    return loss_at(rate, 1e5, 2e5);
  });
  EXPECT_EQ(search.find({{0.005}, {0}}).trials, 17);
  EXPECT_EQ(trials, 17);
}

TEST(RateSearch, ASingleDisturbedTrialDoesNotDecide) {
  int trials = 0;
  RateSearch search({.rate_most = 1e6, .width = 0.02, .trials_most = 300, .repeats = 3}, [&](double rate) {
    return ++trials % 3 == 1 ? 0.5 : loss_at(rate, 2e5, 2e5);  // each first of three is spoilt
  });
  EXPECT_NEAR(search.find({{0}}).rates[0], 2e5, 0.02 * 2e5);
}

TEST(RateSearch, LossesThatAreNotMonotonousDoNotRaiseTheRate) {
  // A hole: loses at 125,000 to 260,000, and again from 500,000 on.
  const auto hole = [](double rate) { return (rate > 1.25e5 && rate < 2.6e5) || rate > 5e5 ? 0.1 : 0.0; };
  RateSearch search({.rate_most = 1e6, .width = 0.02, .trials_most = 300, .repeats = 1}, hole);
  const double rate = search.find({{0.005}}).rates[0];
  EXPECT_EQ(hole(rate), 0.0);
  EXPECT_GT(rate, 0);
}

}  // namespace
}  // namespace roost::experiment

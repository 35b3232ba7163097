// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/error.h"

namespace roost::experiment {
namespace {

// Lives differ among each other by `between`, samples of one by `within`, both relatively.
Lives drawn(double mean, double between, double within, uint64_t seed, int lives = 5, int samples = 7) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> life(1, between), sample(1, within);
  Lives result;
  for (int i = 0; i < lives; ++i) {
    const double of_life = mean * life(random);
    result.emplace_back();
    for (int k = 0; k < samples; ++k) result.back().push_back(of_life * sample(random));
  }
  return result;
}

TEST(Bootstrap, TellsADifferenceFromNoise) {
  int found = 0, invented = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const Lives base = drawn(100, 0.02, 0.05, seed);
    found += bootstrap_ratio(base, drawn(120, 0.02, 0.05, 1'000 + seed), seed, 400).differs;
    invented += bootstrap_ratio(base, drawn(100, 0.02, 0.05, 2'000 + seed), seed, 400).differs;
  }
  EXPECT_GE(found, 38);    // a fifth more is ten times the noise of a median
  EXPECT_LE(invented, 8);  // 95 % confidence: two are expected, and few lives make the interval a little narrow
}

TEST(Bootstrap, LivesThatDifferWidenTheInterval) {
  // Each life is steady in itself, so that its samples look certain; the lives are not.
  const RatioInterval alike = bootstrap_ratio(drawn(100, 0.001, 0.01, 1), drawn(100, 0.001, 0.01, 2));
  const RatioInterval unlike = bootstrap_ratio(drawn(100, 0.2, 0.01, 1), drawn(100, 0.2, 0.01, 2));
  EXPECT_GT(unlike.high - unlike.low, 5 * (alike.high - alike.low));
}

TEST(Bootstrap, TheSameSeedGivesTheSameInterval) {
  const Lives a = drawn(100, 0.02, 0.05, 1), b = drawn(105, 0.02, 0.05, 2);
  EXPECT_EQ(bootstrap_ratio(a, b, 9).low, bootstrap_ratio(a, b, 9).low);
}

TEST(Bootstrap, OneSampleAndAMedianOfZeroShowNothing) {
  EXPECT_FALSE(bootstrap_ratio({{1}}, {{9}, {9}, {9}}).differs);
  const RatioInterval zero = bootstrap_ratio({{0, 0, 0}}, {{9, 9, 9}});
  EXPECT_FALSE(zero.differs);
  EXPECT_EQ(zero.ratio, 0);
}

Json result_with(const std::string& experiment, const std::string& figure, const Lives& lives) {
  Json row{{"row", "nfs=1"}, {"parameters", {{"nfs", 1}}}, {"lives", Json::array()}, {"figures", Json::object()}};
  for (const auto& life : lives) row["lives"].push_back({{"samples", {{figure, life}}}});
  return {{"experiment", experiment}, {"rows", {row}}};
}

TEST(Compare, SaysWhichWayIsBetterByTheFigure) {
  const Lives few = drawn(100, 0.01, 0.02, 1), many = drawn(150, 0.01, 0.02, 2);
  const auto verdict = [&](const char* figure) {
    return compare_results(result_with("x", figure, few), result_with("x", figure, many)).at(0).verdict;
  };
  EXPECT_EQ(verdict("throughput_pps"), Difference::Verdict::better);
  EXPECT_EQ(verdict("latency_p99_us"), Difference::Verdict::worse);
  EXPECT_EQ(verdict("offered_pps"), Difference::Verdict::other);
}

TEST(Compare, SaysWhereOneLifeIsAllThereIs) {
  const auto with = [](int lives) { return result_with("x", "throughput_pps", drawn(100, 0.01, 0.02, 1, lives)); };
  EXPECT_TRUE(compare_results(with(1), with(5)).at(0).one_life);
  EXPECT_FALSE(compare_results(with(5), with(5)).at(0).one_life);
}

TEST(Compare, RefusesWhatCannotBeCompared) {
  const Json a = result_with("a", "throughput_pps", {{1, 2}}), b = result_with("b", "throughput_pps", {{1, 2}});
  EXPECT_THROW(compare_results(a, b), Error);
  Json other_rows = a;
  other_rows["rows"][0]["row"] = "nfs=2";
  EXPECT_THROW(compare_results(a, other_rows), Error);
}

}  // namespace
}  // namespace roost::experiment

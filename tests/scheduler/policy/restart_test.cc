// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/restart.h"

#include <gtest/gtest.h>

#include <vector>

namespace roost::restart_test {
namespace {

constexpr RestartLimits kLimits{10, 300};

// Its waits, where it overruns so many times, each after having worked for so long.
template <typename Policy>
std::vector<uint64_t> waits(Policy& policy, int times, uint64_t worked_ms, const RestartLimits& limits = kLimits) {
  std::vector<uint64_t> list;
  for (int i = 0; i < times; ++i) {
    policy.quarantined(worked_ms, limits);
    list.push_back(policy.delay_ms(limits).value());
  }
  return list;
}
using Waits = std::vector<uint64_t>;

TEST(FixedRestart, WaitsForTheSameEachTime) {
  FixedRestart policy;
  EXPECT_EQ(waits(policy, 3, 0), (Waits{10, 10, 10}));
  EXPECT_EQ(policy.delay_ms({0, 300}), std::nullopt);
}

TEST(RestartBackoff, DoublesUpToTheBound) {
  RestartBackoff policy;
  EXPECT_EQ(waits(policy, 8, 0), (Waits{10, 20, 40, 80, 160, 300, 300, 300}));
  EXPECT_EQ(policy.delay_ms({0, 300}), std::nullopt);
}

TEST(RestartBackoff, WithOneWaitForBothItIsTheReference) {
  RestartBackoff policy;
  FixedRestart reference;
  const RestartLimits limits{50, 50};
  EXPECT_EQ(waits(policy, 5, 0, limits), waits(reference, 5, 0, limits));
  EXPECT_EQ(waits(policy, 5, 1'000, limits), waits(reference, 5, 1'000, limits));
}

TEST(RestartBackoff, GoodBehaviourTakesDoublingsBack) {
  RestartBackoff policy;
  policy.quarantined(kNeverQuarantined_ms, kLimits);
  EXPECT_EQ(waits(policy, 3, 0), (Waits{20, 40, 80}));
  EXPECT_EQ(waits(policy, 1, 2 * 80), (Waits{80})) << "one back, one more";
  EXPECT_EQ(waits(policy, 1, 2 * (80 + 40) - 1), (Waits{80}));
  EXPECT_EQ(waits(policy, 1, 2 * (80 + 40 + 20)), (Waits{20}));
  EXPECT_EQ(waits(policy, 1, 1'000'000), (Waits{10})) << "as if never before";
}

TEST(RestartBackoff, WhoIsAtTheBoundComesDownAsWell) {
  RestartBackoff policy;
  waits(policy, 100, 0);
  EXPECT_EQ(waits(policy, 1, 2 * 300), (Waits{300}));
  EXPECT_EQ(waits(policy, 1, 2 * (300 + 160)), (Waits{160}));
}

TEST(RestartBackoff, RareOverrunsAlwaysWaitForTheFirstTime) {
  RestartBackoff policy;
  EXPECT_EQ(waits(policy, 4, 20), (Waits{10, 10, 10, 10}));
  EXPECT_EQ(waits(policy, 4, 19), (Waits{20, 40, 80, 160})) << "and others go on doubling";
}

TEST(RestartBackoff, AnOperatorStartsItOver) {
  RestartBackoff policy;
  waits(policy, 5, 0);
  policy.start_over();
  EXPECT_EQ(waits(policy, 2, 0), (Waits{10, 20}));
}

TEST(RestartBackoff, FollowsTheSettings) {
  RestartBackoff policy;
  waits(policy, 20, 0);
  EXPECT_EQ(policy.delay_ms({1, 400}), 32U) << "five doublings";
  EXPECT_EQ(policy.delay_ms({300, 40}), 40U) << "the bound counts";
  policy.quarantined(0, {0, 40});  // switched off, and on again
  EXPECT_TRUE(policy.delay_ms(kLimits).has_value());
  RestartBackoff longest;
  EXPECT_EQ(waits(longest, 100, 0, {3'600'000, 86'400'000}).back(), 86'400'000U);
}

TEST(RestartPolicy, SaysWhoComesBack) {
  EXPECT_FALSE(comes_back(RestartPolicy::never, true));
  EXPECT_FALSE(comes_back(RestartPolicy::never, false));
  EXPECT_TRUE(comes_back(RestartPolicy::on_failure, true));
  EXPECT_FALSE(comes_back(RestartPolicy::on_failure, false));
  EXPECT_TRUE(comes_back(RestartPolicy::always, true));
  EXPECT_TRUE(comes_back(RestartPolicy::always, false));
}

}  // namespace
}  // namespace roost::restart_test

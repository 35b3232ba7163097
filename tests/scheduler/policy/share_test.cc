// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/share.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr uint64_t kPeriod = 10'000'000;

// So many packets a period come, of which it takes so many, at this cost.
WorkerLoad settled(uint64_t arrivals, uint64_t packets, uint64_t cost) {
  WorkerLoad worker;
  for (int i = 0; i < 40; ++i) {
    worker.arrivals = arrivals;
    worker.packets = packets;
    worker.cycles = packets * cost;
    update_load(worker, kPeriod);
  }
  return worker;
}

TEST(Share, ByWeightTheLoadMakesNoDifference) {
  const WorkerLoad busy = settled(1'000, 1'000, 5'000);
  for (const auto policy : {SharePolicy::weight, SharePolicy::priority}) {
    EXPECT_EQ(queue_weight(policy, 100, busy), 100U);
    EXPECT_EQ(queue_weight(policy, 100, {}), 100U);
    EXPECT_EQ(queue_weight(policy, 0, {}), 1U);
  }
}

TEST(Share, ByRateAndCostEqualArrivalsAtAnotherCostGetTimeInProportionToCost) {
  const auto weight = [](uint32_t nf_weight, uint64_t arrivals, uint64_t packets, uint64_t cost) {
    return queue_weight(SharePolicy::rate_cost, nf_weight, settled(arrivals, packets, cost));
  };
  const double base = weight(100, 2'000, 500, 1'000);
  EXPECT_NEAR(weight(100, 2'000, 500, 5'000) / base, 5.0, 0.01);
  EXPECT_NEAR(weight(100, 6'000, 500, 1'000) / base, 3.0, 0.01);
  EXPECT_NEAR(weight(300, 2'000, 500, 1'000) / base, 3.0, 0.01);
  // What counts is what was meant for it, not what it was given: who got little so far isn't kept there.
  EXPECT_NEAR(weight(100, 2'000, 5, 1'000) / base, 1.0, 0.01);
}

TEST(Share, TheLoadIsInCoresAndBounded) {
  EXPECT_NEAR(settled(1'000, 1'000, 5'000).load, 0.5, 0.001);
  EXPECT_EQ(settled(1'000'000'000, 1, 1'000'000'000).load, kLoadMost);
}

TEST(Share, WhoseCostIsNotKnownCountsAsOneThatFillsACore) {
  WorkerLoad fresh;
  fresh.arrivals = 100;
  update_load(fresh, kPeriod);
  EXPECT_NEAR(queue_weight(SharePolicy::rate_cost, 100, fresh),
              queue_weight(SharePolicy::rate_cost, 100, settled(10'000, 10'000, 1'000)), 10);
}

TEST(Share, WhoHadNoPacketsKeepsItsCostAndLosesItsLoad) {
  WorkerLoad worker = settled(1'000, 1'000, 5'000);
  for (int i = 0; i < 40; ++i) update_load(worker, kPeriod);
  EXPECT_NEAR(worker.cost_cycles, 5'000, 1);
  EXPECT_LT(worker.load, 0.001);
  EXPECT_GE(queue_weight(SharePolicy::rate_cost, 1, worker), 1U);
}

TEST(Share, EachPolicyHasItsOrder) {
  EXPECT_EQ(order_of(SharePolicy::first_come), CoreOrder::first_come);
  EXPECT_EQ(order_of(SharePolicy::weight), CoreOrder::least_used);
  EXPECT_EQ(order_of(SharePolicy::rate_cost), CoreOrder::least_used);
  EXPECT_EQ(order_of(SharePolicy::priority), CoreOrder::priority);
}

}  // namespace
}  // namespace roost

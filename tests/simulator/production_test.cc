// SPDX-License-Identifier: BSD-3-Clause
// The run orders and core queues that Roost runs with, by themselves and together, under the same checks.
#include "experiments/simulator/production.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "experiments/simulator/report.h"
#include "experiments/simulator/scenarios.h"
#include "experiments/simulator/simulation.h"

namespace roost::simulator {
namespace {

struct Choice {
  std::string run_order, core_order;
};

Simulation simulated(const Model& model, const Choice& choice) {
  Policies policies;
  use(policies, choice.run_order, choice.core_order);
  Simulation simulation(model, policies);
  simulation.run();
  return simulation;
}

Size small(uint64_t seed = 1) {
  return {.nfs = 200, .nfs_per_worker = 5, .cores = 4, .load_percent = 70, .seed = seed, .end_cycles = 20'000'000};
}

class Production : public testing::TestWithParam<Choice> {};

TEST_P(Production, PropertiesHold) {
  for (const char* scenario : {"mixed", "thresholds", "overload", "hogs", "hoarder", "chains", "skewed"})
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const Model model = make_model(scenario, small(seed));
      const Simulation simulation = simulated(model, GetParam());
      EXPECT_EQ(simulation.checks().violations(), 0U) << report_text(report_json(scenario, model, simulation));
      EXPECT_GT(simulation.totals().served, 1'000U) << scenario;
    }
}

INSTANTIATE_TEST_SUITE_P(Choices, Production,
                         testing::Values(Choice{"rr", "first_come"}, Choice{"drr", "first_come"},
                                         Choice{"rr", "least_used"}, Choice{"drr", "least_used"}),
                         [](const auto& choice) { return choice.param.run_order + "_" + choice.param.core_order; });

// One NF a worker or many, all with more than they can do: what each uses, by its weight.
std::vector<double> shares(const Choice& choice, bool in_one_worker, uint32_t weights) {
  Model model;
  model.pool_packets = 1 << 20;
  model.end_cycles = 150'000'000;
  for (uint32_t i = 0; i < 12; ++i) {
    const uint32_t weight = 100 << (i % weights);
    if (!in_one_worker || i == 0) model.workers.push_back({.core = 0, .weight = weight});
    constexpr uint32_t kCosts[] = {50, 250, 1'000, 5'000};
    model.nfs.push_back({.worker = in_one_worker ? 0 : i,
                         .cost_cycles = kCosts[i % 4],
                         .inbox_slots = 1'024,
                         .weight = in_one_worker ? weight : 100});
    model.sources.push_back({.path = {i}, .gap_cycles = std::max(2U, kCosts[i % 4] / 2), .burst_max = 8});
  }
  const Simulation simulation = simulated(model, choice);
  EXPECT_EQ(simulation.checks().violations(), 0U) << report_text(report_json("shares", model, simulation));
  std::vector<double> used;
  for (uint32_t i = 0; i < 12; ++i) {
    // By the packets it has finished: the schedule's own accounts are not asked.
    const auto cycles = static_cast<double>(simulation.nfs()[i].served) * model.nfs[i].cost_cycles;
    used.push_back(cycles / (100 << (i % weights)));
  }
  return used;
}

double least_over_most(const std::vector<double>& used) {
  return *std::min_element(used.begin(), used.end()) / *std::max_element(used.begin(), used.end());
}

TEST(Shares, OfWorkersFollowTheirWeightsWithTheLeastUsedFirst) {
  EXPECT_GT(least_over_most(shares({"rr", "least_used"}, false, 1)), 0.9);
  EXPECT_GT(least_over_most(shares({"rr", "least_used"}, false, 3)), 0.9);
  EXPECT_LT(least_over_most(shares({"rr", "first_come"}, false, 3)), 0.5) << "what the reference does not promise";
}

TEST(Shares, OfNfsFollowTheirWeightsWithDeficitRoundRobin) {
  EXPECT_GT(least_over_most(shares({"drr", "first_come"}, true, 1)), 0.9);
  EXPECT_GT(least_over_most(shares({"drr", "first_come"}, true, 3)), 0.9);
  EXPECT_LT(least_over_most(shares({"rr", "first_come"}, true, 3)), 0.5) << "what the reference does not promise";
}

TEST(Choices, ThatAreNone) {
  Policies policies;
  EXPECT_THROW(use(policies, "none", ""), Error);
  EXPECT_THROW(use(policies, "", "none"), Error);
}

}  // namespace
}  // namespace roost::simulator

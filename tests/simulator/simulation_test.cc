// SPDX-License-Identifier: BSD-3-Clause
// The policies that Roost runs with, under virtual time: what must hold does, for many seeds; and the checks find what
// is planted.
#include "experiments/simulator/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "experiments/simulator/report.h"
#include "experiments/simulator/scenarios.h"

namespace roost::simulator::simulation_test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint32_t kSeeds = 1;
#else
constexpr uint32_t kSeeds = 5;
#endif

Simulation simulated(const Model& model, const std::string& fault = "") {
  Policies policies;
  if (!fault.empty()) plant(policies, fault);
  Simulation simulation(model, policies);
  simulation.run();
  return simulation;
}

Size small(uint64_t seed = 1) {
  return {.nfs = 200, .nfs_per_worker = 5, .cores = 4, .load_percent = 70, .seed = seed, .end_cycles = 20'000'000};
}

class Properties : public testing::TestWithParam<std::string> {};

TEST_P(Properties, HoldForEverySeed) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Model model = make_model(GetParam(), small(seed));
    const Simulation simulation = simulated(model);
    EXPECT_EQ(simulation.checks().violations(), 0U) << report_text(report_json(GetParam(), model, simulation));
    EXPECT_GT(simulation.totals().served, 1'000U);
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Properties,
                         testing::Values("mixed", "thresholds", "overload", "hogs", "hoarder", "chains", "skewed"),
                         [](const auto& scenario) { return scenario.param; });

TEST(Simulation, ThousandsOfNfsOnManyCores) {
  const Model model = make_model("mixed", {.nfs = 10'000, .nfs_per_worker = 10, .cores = 64, .end_cycles = 30'000'000});
  const Simulation simulation = simulated(model);
  EXPECT_EQ(simulation.checks().violations(), 0U) << report_text(report_json("mixed", model, simulation));
  uint64_t served = 0;
  for (const SimNf& nf : simulation.nfs()) served += nf.served != 0;
  EXPECT_GT(served, 9'000U);
}

// Hundreds of cores, of which a quarter has everything to do.
TEST(Simulation, WorkersMoveUntilLoadsAreEvenAndThenHardlyAnyDo) {
  for (uint64_t seed = 1; seed <= std::min(kSeeds, 2U); ++seed) {
    Model model = make_model(
        "skewed", {.nfs = 2'560, .nfs_per_worker = 1, .cores = 256, .seed = seed, .end_cycles = 120'000'000});
    const Simulation levelled = simulated(model);
    EXPECT_EQ(levelled.checks().violations(), 0U) << report_text(report_json("skewed", model, levelled));
    const auto [least, most] = levelled.load_ends();
    EXPECT_LT(most - least, 1.0);
    EXPECT_GT(least, 0.2);
    EXPECT_LT(levelled.totals().moves, 2 * model.workers.size());
    model.rebalance_cycles = 0;
    const Simulation still = simulated(model);
    EXPECT_EQ(still.totals().moves, 0U);
    EXPECT_GT(levelled.totals().served, 2 * still.totals().served) << "what the cores can do that were idle";
  }
}

TEST(Simulation, TheSameSeedMakesTheSameRun) {
  const auto report = [](uint64_t seed) {
    const Model model = make_model("overload", small(seed));
    return json_text(report_json("overload", model, simulated(model)));
  };
  EXPECT_EQ(report(7), report(7));
  EXPECT_NE(report(7), report(8));
}

TEST(Simulation, AThresholdSavesWakes) {
  Size size = small();
  size.load_percent = 20;
  Model model = make_model("mixed", size);
  const uint64_t at_once = simulated(model).totals().wakes;
  model.wake = {64, 2'000'000};
  const Simulation patient = simulated(model);
  EXPECT_LT(patient.totals().wakes, at_once / 2);
  EXPECT_EQ(patient.checks().violations(), 0U);
}

TEST(Simulation, OverloadIsRefusedAtTheEntryAlone) {
  const Simulation simulation = simulated(make_model("chains", small()));
  EXPECT_GT(simulation.totals().refused_backpressure, 0U);
  EXPECT_EQ(simulation.totals().refused() + simulation.totals().served + simulation.totals().waiting,
            simulation.totals().arrived);
}

// Two NFs of one worker, packets put by hand: every figure can be worked out.
TEST(Simulation, OnePacketTakesWhatItTakes) {
  Model model;
  model.workers = {{0}};
  model.nfs = {{.worker = 0, .cost_cycles = 1'000}};
  model.sources = {{.path = {0}, .gap_cycles = 1'000'000}};
  model.wake = {10, 50'000};
  model.end_cycles = 1'900'000;
  const Simulation simulation = simulated(model);
  const Totals& totals = simulation.totals();
  ASSERT_GT(totals.served, 0U);
  EXPECT_EQ(totals.wakes, totals.wakes_by_deadline);
  EXPECT_EQ(totals.longest_wait_cycles, 50'000 + model.wake_latency_cycles + model.switch_cycles);
  EXPECT_EQ(simulation.cores()[0].busy, totals.dispatches * (model.dispatch_cycles + 1'000));
}

TEST(PlantedFaults, AWakePolicyWithoutDeadlineStrandsPackets) {
  Size size = small();
  size.nfs = 8;
  size.nfs_per_worker = 1;
  Model model = make_model("thresholds", size);
  for (SourceModel& source : model.sources)
    source = {source.path, 1'000'000, 1};  // 16 take far longer than the deadline
  model.end_cycles = 100'000'000;
  EXPECT_EQ(simulated(model).checks().violations(), 0U);
  const Simulation simulation = simulated(model, "no-deadline");
  EXPECT_GT(simulation.checks().violations("bounded wait"), 0U);
  EXPECT_GT(simulation.checks().violations("no starvation"), 0U);
  EXPECT_EQ(simulation.checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, ACoreQueueWithoutTurnsLetsAHogStarveTheOthers) {
  Model model = make_model("hogs", small());
  model.end_cycles = 100'000'000;
  EXPECT_EQ(simulated(model).checks().violations(), 0U);
  const Simulation simulation = simulated(model, "no-turns");
  EXPECT_GT(simulation.checks().violations("no starvation"), 0U);
  EXPECT_EQ(simulation.checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, ARunOrderOfTheLastThatCameStarvesTheFirst) {
  const Simulation simulation = simulated(make_model("overload", small()), "last-come-first");
  EXPECT_GT(simulation.checks().violations("no starvation"), 0U);
  EXPECT_EQ(simulation.checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, WithoutALimitAHoarderPinsThePool) {
  const Model model = make_model("hoarder", small());
  const Simulation fair = simulated(model);
  EXPECT_GT(fair.totals().refused_share, 0U);
  EXPECT_LE(fair.workers().back().owned, model.pool_packets / 2);
  const Simulation simulation = simulated(model, "no-limit");
  EXPECT_GT(simulation.checks().violations("isolation"), 0U);
  EXPECT_EQ(simulation.checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, WithoutHysteresisWorkersGoToAndFro) {
  const Model model = make_model("skewed", small());
  const Simulation simulation = simulated(model, "no-hysteresis");
  EXPECT_GT(simulation.checks().violations("bounded moves"), 0U);
  EXPECT_EQ(simulation.checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, LostPacketsAreMissed) {
  EXPECT_GT(simulated(make_model("mixed", small()), "lost-packets").checks().violations("conservation"), 0U);
}

TEST(PlantedFaults, AndNamesThatAreNone) {
  Policies policies;
  EXPECT_THROW(plant(policies, "none"), Error);
  EXPECT_THROW(make_model("none", small()), Error);
  EXPECT_THROW(make_model("mixed", {.nfs = 0}), Error);
}

}  // namespace
}  // namespace roost::simulator::simulation_test

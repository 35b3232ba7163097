// SPDX-License-Identifier: BSD-3-Clause
// The tuner on response surfaces that are made up, and like those of a real worker.
#include "cli/tuner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace roost::cli {
namespace {

// A worker that sleeps between packets at a steady rate: it is woken for so many or after so long, wakes cost CPU time,
// spinning costs some and saves wakes where packets follow closely.
struct Surface {
  double rate_pps;
  double wake_cost_us = 4, packet_cost_us = 0.3, wake_latency_us = 25;

  TuneOutcome at(const WakeChoice& choice) const {
    const double gap_us = 1e6 / rate_pps;
    const double by_count_us = static_cast<double>(choice.wake_packets - 1) * gap_us;
    const double wait_us =
        choice.wake_packets == 1 ? 0 : std::min(by_count_us, static_cast<double>(choice.wake_deadline_us));
    const double spun_us = std::min(static_cast<double>(choice.spin_us), gap_us);
    const bool stays_up = static_cast<double>(choice.spin_us) >= gap_us;
    const double wakes = stays_up ? 0 : 1e6 / (wait_us + gap_us);
    TuneOutcome outcome;
    outcome.p99_us = wait_us + (stays_up ? 1 : wake_latency_us) + 2;
    outcome.cpu_percent =
        1e-4 * (wakes * wake_cost_us + rate_pps * packet_cost_us + (stays_up ? 1e6 : wakes * spun_us));
    return outcome;
  }
};

// All that a tuner could choose.
std::vector<WakeChoice> everything() {
  std::vector<WakeChoice> all;
  for (const uint64_t packets : {1, 2, 4, 8, 16, 32, 64, 128, 256})
    for (const uint64_t deadline : {10, 20, 50, 100, 200, 500, 1'000, 2'000, 4'000})
      for (const uint64_t spin : {0, 5, 10, 20, 50, 100}) all.push_back({packets, deadline, spin});
  return all;
}

template <typename Measure>
uint32_t run(Tuner& tuner, const Measure& measure) {
  uint32_t trials = 0;
  while (const auto choice = tuner.next()) {
    tuner.tell(measure(*choice));
    ++trials;
  }
  return trials;
}

constexpr uint32_t kTrials = 40;

TEST(Tuner, NoFixedSettingBeatsItsChoiceByMoreThanATenth) {
  for (const double rate : {1e3, 1e4, 5e4, 2e5, 1e6})
    for (const double p99 : {40.0, 150.0, 600.0, 3'000.0}) {
      const Surface surface{rate};
      Tuner tuner({.p99_us_most = p99}, {}, kTrials);
      run(tuner, [&](const WakeChoice& choice) { return surface.at(choice); });
      double best = INFINITY;
      for (const WakeChoice& choice : everything())
        if (const TuneOutcome outcome = surface.at(choice); outcome.p99_us <= p99)
          best = std::min(best, outcome.cpu_percent);
      const size_t place = tuner.choice().value();
      EXPECT_TRUE(tuner.meets(place)) << rate << " packets/s, p99 " << p99;
      EXPECT_LE(tuner.tried()[place].median().cpu_percent, 1.1 * best) << rate << " packets/s, p99 " << p99;
    }
}

TEST(Tuner, HoldsABoundOfCpuTimeWithTheLeastLatency) {
  for (const double rate : {1e4, 5e4, 2e5})
    for (const double slack : {1.2, 2.0}) {
      const Surface surface{rate};
      double cheapest = INFINITY;
      for (const WakeChoice& choice : everything()) cheapest = std::min(cheapest, surface.at(choice).cpu_percent);
      const double bound = slack * cheapest;
      double best = INFINITY;
      for (const WakeChoice& choice : everything())
        if (surface.at(choice).cpu_percent <= bound) best = std::min(best, surface.at(choice).p99_us);
      Tuner tuner({.cpu_percent_most = bound}, {}, kTrials);
      run(tuner, [&](const WakeChoice& choice) { return surface.at(choice); });
      const size_t place = tuner.choice().value();
      EXPECT_TRUE(tuner.meets(place)) << rate << " packets/s, " << bound << " %";
      EXPECT_LE(tuner.tried()[place].median().p99_us, 1.1 * best) << rate << " packets/s, " << bound << " %";
    }
}

TEST(Tuner, NoiseDoesNotLeadItFarAstray) {
  const Surface surface{5e4};
  const double p99 = 600;
  double best = INFINITY;
  for (const WakeChoice& choice : everything())
    if (surface.at(choice).p99_us <= p99) best = std::min(best, surface.at(choice).cpu_percent);
  int good = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> noise(1, 0.05);
    Tuner tuner({.p99_us_most = p99}, {}, kTrials);
    run(tuner, [&](const WakeChoice& choice) {
      TuneOutcome outcome = surface.at(choice);
      outcome.p99_us *= noise(random);
      outcome.cpu_percent *= noise(random);
      return outcome;
    });
    const TuneOutcome truth = surface.at(tuner.tried()[tuner.choice().value()].choice);
    good += truth.p99_us <= 1.1 * p99 && truth.cpu_percent <= 1.2 * best;
  }
  EXPECT_GE(good, 17);
}

TEST(Tuner, IsBoundedAndTriesThePresentSettingsFirst) {
  for (const uint32_t most : {1U, 2U, 5U, 12U, 40U}) {
    const WakeChoice present{3, 70, 7};  // on none of its scales
    Tuner tuner({.p99_us_most = 100}, present, most);
    const uint32_t trials = run(tuner, [](const WakeChoice& choice) { return Surface{5e4}.at(choice); });
    EXPECT_LE(trials, most);
    ASSERT_FALSE(tuner.tried().empty());
    EXPECT_EQ(tuner.tried()[0].choice, present);
    EXPECT_TRUE(tuner.choice());
  }
}

TEST(Tuner, AGoalThatNothingMeetsGivesTheNearest) {
  Tuner tuner({.p99_us_most = 0.5}, {}, kTrials);
  const Surface surface{1e3};
  run(tuner, [&](const WakeChoice& choice) { return surface.at(choice); });
  const size_t place = tuner.choice().value();
  EXPECT_FALSE(tuner.meets(place));
  EXPECT_DOUBLE_EQ(tuner.tried()[place].median().p99_us, surface.at({1, 50, 0}).p99_us);
}

TEST(Tuner, WhatLosesPacketsIsNeitherChosenNorOnTheFront) {
  const Surface surface{5e4};
  Tuner tuner({.p99_us_most = 10'000}, {}, kTrials);
  run(tuner, [&](const WakeChoice& choice) {
    TuneOutcome outcome = surface.at(choice);
    outcome.delivers = choice.wake_packets < 64;
    return outcome;
  });
  EXPECT_LT(tuner.tried()[tuner.choice().value()].choice.wake_packets, 64U);
  for (const size_t place : tuner.front()) EXPECT_LT(tuner.tried()[place].choice.wake_packets, 64U);
  EXPECT_FALSE(tuner.front().empty());
}

}  // namespace
}  // namespace roost::cli

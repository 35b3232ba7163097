// SPDX-License-Identifier: BSD-3-Clause
// Question: `roost tune` searches; is what it chooses beaten by a fixed setting, found by trying them all, by more than
// a tenth?
//
// Each life, under one load: the tuner's own search, a slice for each trial; then every setting of a grid, in turn, as
// many times as there are pairs; then the tuner's choice and the best of the grid in turn. The best is the one with the
// least CPU time of those that deliver and hold the p99. It is judged by slices of its own: of many settings, the one
// that looked best owes some of that to luck.
#include <algorithm>
#include <cmath>
#include <optional>

#include "experiments/studies/loaded.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kNfs = 8, kTrials = 40;
constexpr double kDelivered = 0.99;
constexpr int kJudged = 2;  // times the pairs

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}},
           {"nfs", {kNfs}},
           {"load_percent", {1, 10, 50, 90}},
           {"p99_us", {200, 1'000, 4'000}},
           {"grid", {"fine"}}};
  if (scale == Scale::lines || scale == Scale::matrix) all["p99_us"] = {1'000};
  if (scale == Scale::quick) {
    all["tier"] = {"process"};
    all["load_percent"] = {10};
    all["p99_us"] = {1'000};
    all["grid"] = {"coarse"};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem(row, limits);
}

std::vector<cli::WakeChoice> grid(bool fine) {
  const std::vector<uint64_t> packets_all =
      fine ? std::vector<uint64_t>{4, 16, 64, 256} : std::vector<uint64_t>{16, 256};
  const std::vector<uint64_t> deadlines_us = fine ? std::vector<uint64_t>{20, 50, 100, 200, 500, 1'000, 2'000, 4'000}
                                                  : std::vector<uint64_t>{50, 200, 500, 1'000};
  std::vector<cli::WakeChoice> all;
  for (const uint64_t spin_us : {0, 20}) {
    all.push_back({1, 50, spin_us});
    for (const uint64_t packets : packets_all)
      for (const uint64_t deadline_us : deadlines_us) all.push_back({packets, deadline_us, spin_us});
  }
  return all;
}

double cpu_percent(const RateTrial& trial) { return 100 * (trial.workers_cpu_s + trial.manager_cpu_s) / trial.whole_s; }

cli::TuneOutcome outcome_of(const RateTrial& trial) {
  return {trial.p99_us, cpu_percent(trial), 1 - trial.loss() >= kDelivered};
}

cli::WakeChoice search(Loaded& loaded, const cli::TuneGoal& goal, Life& life) {
  cli::Tuner tuner(goal, standard_choice(), kTrials);
  uint32_t trials = 0;
  for (auto choice = tuner.next(); choice; choice = tuner.next(), ++trials) {
    life.check();
    tuner.tell(outcome_of(loaded.slice(*choice)));
  }
  life.add("tune_trials", trials);
  const cli::WakeChoice chosen = tuner.tried()[tuner.choice().value()].choice;
  life.add("tuned_packets", static_cast<double>(chosen.wake_packets));
  life.add("tuned_deadline_us", static_cast<double>(chosen.wake_deadline_us));
  life.add("tuned_spin_us", static_cast<double>(chosen.spin_us));
  return chosen;
}

// Nothing: none of them holds the goal. `least_fixed_p99_us` says how near the nearest came.
std::optional<cli::WakeChoice> best_fixed(Loaded& loaded, const std::vector<cli::WakeChoice>& all, double p99_us,
                                          int rounds, Life& life) {
  std::vector<cli::Tuner::Tried> tried;
  for (const cli::WakeChoice& choice : all) tried.push_back({choice, {}});
  for (int round = 0; round < rounds; ++round)
    for (auto& [choice, outcomes] : tried) {
      life.check();
      outcomes.push_back(outcome_of(loaded.slice(choice)));
    }
  const cli::Tuner::Tried* best = nullptr;
  double least_p99_us = INFINITY;
  for (const cli::Tuner::Tried& each : tried) {
    const cli::TuneOutcome outcome = each.median();
    least_p99_us = std::min(least_p99_us, outcome.p99_us);
    if (!outcome.delivers || outcome.p99_us > p99_us) continue;
    if (best == nullptr || outcome.cpu_percent < best->median().cpu_percent) best = &each;
  }
  life.add("least_fixed_p99_us", least_p99_us);
  if (best == nullptr) return std::nullopt;
  life.add("best_fixed_packets", static_cast<double>(best->choice.wake_packets));
  life.add("best_fixed_deadline_us", static_cast<double>(best->choice.wake_deadline_us));
  life.add("best_fixed_spin_us", static_cast<double>(best->choice.spin_us));
  return best->choice;
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const auto p99_us = row["p99_us"].get<double>();
  Loaded loaded(tier_of(row), kNfs, row["load_percent"].get<double>(), options);
  loaded.slice(standard_choice());  // warm-up
  const cli::WakeChoice chosen = search(loaded, {.p99_us_most = p99_us}, life);
  const auto fixed = best_fixed(loaded, grid(row["grid"] == "fine"), p99_us, options.pairs, life);
  for (int pair = 0; pair < kJudged * options.pairs; ++pair) {
    life.check();
    const RateTrial tuned = loaded.slice(chosen);
    life.add("offered_pps", static_cast<double>(tuned.offered) / tuned.seconds);
    life.add("throughput_pps", tuned.out_pps);
    life.add("delivered_share", 1 - tuned.loss());
    life.add("held_share", tuned.p99_us <= p99_us ? 1 : 0);
    add_latency(life, tuned);
    add_cpu(life, tuned);
    if (!fixed) continue;
    const RateTrial best = loaded.slice(*fixed);
    life.add("best_fixed_p99_us", best.p99_us);
    life.add("best_fixed_cpu_percent", cpu_percent(best));
    if (cpu_percent(best) > 0) life.add("times_best_fixed_cpu", cpu_percent(tuned) / cpu_percent(best));
  }
  life.add_books(loaded.books());
}

}  // namespace

Experiment tuner() {
  return {"tuner",
          "Is what roost tune chooses beaten by a fixed setting, found by trying them all, by more than a tenth?", rows,
          problem, measure};
}

}  // namespace roost::experiment

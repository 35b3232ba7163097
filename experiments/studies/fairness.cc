// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs of very different cost share a core that is offered twice what it can do. Does each get what it is
// entitled to, also in short windows?
#include "experiments/harness/fair_shares.h"

#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace fairness_study {
namespace {

constexpr int kWindowsAPair = 4;

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}}, {"shares", {"even", "rate_cost", "kernel"}}, {"window_ms", {1, 10, 100}}};
  if (scale == Scale::quick) {
    all["window_ms"] = {100};
    all["shares"] = {"even", "kernel"};
  }
  std::vector<Json> some;
  for (const Json& row : product(all))
    if (row["shares"] != "kernel" || row["tier"] == "process") some.push_back(row);  // one host is all one to it
  return some;
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem({{"nfs", kFairCosts.size()}, {"tier", row["tier"]}}, limits);
}

std::vector<std::string> settings_for(const Json& row) {
  if (row["shares"] == "kernel") return {"awake_max=1024"};  // who runs is left to the kernel
  const bool even = row["shares"] == "even";
  if (tier_of(row) == Tier::fiber) return {even ? "run_policy=1" : "run_policy=0"};
  return {even ? "share_policy=1" : "share_policy=2"};
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const Tier tier = tier_of(row);
  const FairValues costs = calibrate_costs(tier, options.settings);
  life.check();
  const Entitled entitled = row["shares"] == "rate_cost" ? Entitled::rate_cost : Entitled::even;
  life.add_books(measure_fairness(tier, entitled, with(settings_for(row), options.settings), costs,
                                  row["window_ms"].get<double>() * 1e-3, options.pairs * kWindowsAPair,
                                  [&](const FairWindow& window) {
                                    life.check();
                                    life.add("jain", window.jain);
                                    life.add("least_share", window.least_share);
                                  }));
}

}  // namespace
}  // namespace fairness_study

Experiment fairness() {
  return {"fairness", "Do NFs of different cost on an overloaded core get what they are entitled to?",
          fairness_study::rows, fairness_study::problem, fairness_study::measure};
}

}  // namespace roost::experiment

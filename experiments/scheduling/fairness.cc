// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs of very different cost share a core that is offered twice what it can do. Does each get what it is
// entitled to, in every tenth of a second?
#include "experiments/harness/fair_shares.h"

#include <fmt/format.h>

#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr double kWindow_s = 0.1;
constexpr int kWindowsAPair = 4;

struct Row {
  const char* name;
  Tier tier;
  Entitled entitled;
  std::vector<std::string> settings;
};

Json measure(const Row& row, const FairValues& costs, const SchedulingOptions& options) {
  std::vector<double> jains, least_shares;
  FairValues completed{};
  std::vector<std::string> settings = row.settings;
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  for (int life = 0; life < options.lives; ++life)
    measure_fairness(row.tier, row.entitled, settings, costs, kWindow_s, options.pairs * kWindowsAPair,
                     [&](const FairWindow& window) {
                       jains.push_back(window.jain);
                       least_shares.push_back(window.least_share);
                       for (size_t i = 0; i < completed.size(); ++i) completed[i] += window.completed[i];
                     });
  const Spread index = spread_of(jains), least = spread_of(least_shares);
  fmt::print(
      "{:<34} Jain's index {:.4f} [{:.4f} to {:.4f}], smallest share {:.3f} [{:.3f} to {:.3f}], {} windows of 100 ms; "
      "completed of what was offered",
      row.name, index.median, index.least, index.most, least.median, least.least, least.most, jains.size());
  Json of_offered = Json::object();
  for (size_t i = 0; i < completed.size(); ++i) {
    of_offered[std::to_string(kFairCosts[i])] = completed[i] / static_cast<double>(jains.size());
    fmt::print("{} {:.0f} %", i == 0 ? ":" : ",", 100 * completed[i] / static_cast<double>(jains.size()));
  }
  fmt::print("\n");
  std::fflush(stdout);
  return {{"row", row.name},         {"tier", tier_name(row.tier)},
          {"jain", index.json()},    {"least_share", least.json()},
          {"windows", jains.size()}, {"completed_of_offered", of_offered}};
}

}  // namespace

Json fairness(const SchedulingOptions& options) {
  const Row rows[] = {
      {"fiber tier, even shares", Tier::fiber, Entitled::even, {"run_policy=1"}},
      {"fiber tier, rate-cost shares", Tier::fiber, Entitled::rate_cost, {"run_policy=0"}},
      {"process tier, even shares", Tier::process, Entitled::even, {"share_policy=1"}},
      {"process tier, rate-cost shares", Tier::process, Entitled::rate_cost, {"share_policy=2"}},
      {"process tier, the kernel decides", Tier::process, Entitled::even, {"awake_max=1024"}},
  };
  Json result = Json::array();
  for (const Row& row : rows) {
    const FairValues costs = calibrate_costs(row.tier, options.settings);
    result.push_back(measure(row, costs, options));
    result.back()["calibrated_cycles"] = costs;
  }
  return result;
}

}  // namespace roost::experiment

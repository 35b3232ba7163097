// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs of very different cost share a core that is offered twice what it can do. Does each get what it is
// entitled to, in every tenth of a second?
//
// Work is judged from outside: packets completed, times a cost that was calibrated apart with the NF alone. With
// rate-cost proportional shares and equal arrival rates, entitled work is in proportion to rate × cost: every NF
// completes the same part of its packets.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kCosts[] = {50, 250, 1'000, 5'000};  // cycles a packet
constexpr double kOverload = 2, kWindow_s = 0.1;

struct Row {
  const char* name;
  Tier tier;
  std::vector<std::string> settings;
};

// Cycles a packet of an NF that has the core for itself and always has packets: what it costs with all around it.
double calibrate(uint32_t cycles, Tier tier, const std::vector<std::string>& settings) {
  RigOptions options;
  options.lanes[0].flows = 100;
  Rig rig(options, settings);
  rig.spawn("busy", "s0", 1, tier, {{"cycles", cycles}});
  rig.rate_over(0.2);
  const Json before = rig.manager().ps(-1, 1)["nfs"][0];
  rig.rate_over(0.5);
  const Json after = rig.manager().ps(-1, 1)["nfs"][0];
  return after["cycles_per_packet"].get<double>();
}

Json measure(const Row& row, const std::vector<double>& costs, const SchedulingOptions& options) {
  double all = 0;
  for (const double cost : costs) all += cost;
  std::vector<double> jains, least_shares;
  double completed_share = 0;
  std::vector<double> by_nf(std::size(kCosts));
  for (int life = 0; life < options.lives; ++life) {
    RigOptions rig_options;
    rig_options.lanes.clear();
    const double capacity = static_cast<double>(measure_tsc_hz()) / all;
    for (size_t i = 0; i < std::size(kCosts); ++i)
      rig_options.lanes.push_back({1, 100, static_cast<uint64_t>(kOverload * capacity)});
    std::vector<std::string> settings = row.settings;
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    Rig rig(rig_options, settings);
    for (size_t i = 0; i < std::size(kCosts); ++i)
      rig.spawn("busy", fmt::format("s{}", i), 1, row.tier, {{"cycles", kCosts[i]}});
    rig.start();
    usleep(500'000);
    std::vector<uint64_t> before = rig.packets_of_nfs();
    double began = seconds_now();
    for (int window = 0; window < options.pairs * 4; ++window) {
      usleep(static_cast<useconds_t>(kWindow_s * 1e6));
      const std::vector<uint64_t> after = rig.packets_of_nfs();
      const double now = seconds_now();
      std::vector<double> shares;  // achieved by entitled
      for (size_t i = 0; i < after.size(); ++i) {
        shares.push_back(static_cast<double>(after[i] - before[i]) / (kOverload * capacity * (now - began)));
        by_nf[i] += shares.back();
      }
      double mean = 0;
      for (const double share : shares) mean += share / static_cast<double>(shares.size());
      completed_share += mean;
      jains.push_back(jain(shares));
      least_shares.push_back(*std::min_element(shares.begin(), shares.end()) / mean);
      before = after;
      began = now;
    }
    rig.settle();
  }
  const Spread index = spread_of(jains), least = spread_of(least_shares);
  const auto windows = static_cast<double>(jains.size());
  fmt::print(
      "{:<32} Jain's index {:.4f} [{:.4f} to {:.4f}], smallest share {:.3f} [{:.3f} to {:.3f}], {:.0f} windows of 100 "
      "ms; {:.0f} % of what was offered",
      row.name, index.median, index.least, index.most, least.median, least.least, least.most, windows,
      100 * completed_share / windows);
  Json completed = Json::object();
  for (size_t i = 0; i < std::size(kCosts); ++i) {
    completed[std::to_string(kCosts[i])] = by_nf[i] / windows;
    fmt::print("{} {:.0f} %", i == 0 ? ":" : ",", 100 * by_nf[i] / windows);
  }
  fmt::print("\n");
  std::fflush(stdout);
  return {{"row", row.name},         {"tier", tier_name(row.tier)},
          {"jain", index.json()},    {"least_share", least.json()},
          {"windows", jains.size()}, {"completed_of_offered", completed}};
}

}  // namespace

Json fairness(const SchedulingOptions& options) {
  const Row rows[] = {
      {"fiber tier, rate-cost shares", Tier::fiber, {}},
      {"process tier, rate-cost shares", Tier::process, {}},
      {"process tier, the kernel decides", Tier::process, {"awake_max=1024"}},
  };
  Json result = Json::array();
  for (const Row& row : rows) {
    std::vector<double> costs;
    for (const uint32_t cycles : kCosts) costs.push_back(calibrate(cycles, row.tier, options.settings));
    result.push_back(measure(row, costs, options));
    result.back()["calibrated_cycles"] = costs;
  }
  return result;
}

}  // namespace roost::experiment

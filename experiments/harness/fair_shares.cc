// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/fair_shares.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "core/clock.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr size_t kNfs = kFairCosts.size();
constexpr double kOverload = 2;
constexpr double kRateMost = 2.5e6;  // packets/s for one NF; the io core has four to serve

// Arrival rates that offer twice what the core can do: the same for all, or each twice its even part.
FairValues rates_for(Entitled entitled, const FairValues& costs, double hz) {
  const double all = std::accumulate(costs.begin(), costs.end(), 0.0);
  FairValues rates;
  for (size_t i = 0; i < kNfs; ++i)
    rates[i] =
        entitled == Entitled::rate_cost ? kOverload * hz / all : std::min(kOverload * hz / kNfs / costs[i], kRateMost);
  return rates;
}

// Parts of `work`, of which nobody gets more than it asked for; what it leaves goes evenly to the others.
FairValues even_parts(double work, const FairValues& asked) {
  FairValues parts{};
  std::array<bool, kNfs> served{};
  for (size_t round = 0; round < kNfs; ++round) {
    double left = work;
    size_t open = 0;
    for (size_t i = 0; i < kNfs; ++i) served[i] ? left -= parts[i] : ++open;
    bool settled = true;
    for (size_t i = 0; i < kNfs; ++i) {
      if (served[i]) continue;
      parts[i] = left / static_cast<double>(open);
      if (asked[i] < parts[i]) {
        parts[i] = asked[i];
        served[i] = true;
        settled = false;
      }
    }
    if (settled) break;
  }
  return parts;
}

FairValues entitled_to(Entitled entitled, double work, const FairValues& asked) {
  if (entitled == Entitled::even) return even_parts(work, asked);
  const double all = std::accumulate(asked.begin(), asked.end(), 0.0);
  FairValues parts;
  for (size_t i = 0; i < kNfs; ++i) parts[i] = work * asked[i] / all;
  return parts;
}

double calibrate(uint32_t cycles, Tier tier, const std::vector<std::string>& settings) {
  RigOptions options;
  options.lanes.assign(kNfs, {1, 100, 0});
  Rig rig(options, settings);
  for (size_t i = 0; i < kNfs; ++i) rig.spawn("busy", fmt::format("s{}", i), 1, tier, {{"cycles", cycles}});
  rig.rate_over(0.5);
  const Json before = rig.manager().ps(-1, kNfs)["nfs"];
  rig.rate_over(0.5);
  const Json after = rig.manager().ps(-1, kNfs)["nfs"];
  const auto sums = [](const Json& nfs) {
    std::pair<double, double> packets_cycles;
    for (const auto& nf : nfs) {
      const double packets = nf["packets"].get<double>();
      packets_cycles.first += packets;
      packets_cycles.second += packets * nf["cycles_per_packet"].get<double>();
    }
    return packets_cycles;
  };
  const auto [packets_before, cycles_before] = sums(before);
  const auto [packets_after, cycles_after] = sums(after);
  return (cycles_after - cycles_before) / (packets_after - packets_before);
}

}  // namespace

FairValues calibrate_costs(Tier tier, const std::vector<std::string>& settings) {
  FairValues costs;
  for (size_t i = 0; i < kNfs; ++i) costs[i] = calibrate(kFairCosts[i], tier, settings);
  return costs;
}

Json measure_fairness(Tier tier, Entitled entitled, const std::vector<std::string>& settings, const FairValues& costs,
                      double window_s, int windows, const std::function<void(const FairWindow&)>& each) {
  const FairValues rates = rates_for(entitled, costs, static_cast<double>(measure_tsc_hz()));
  RigOptions rig_options;
  rig_options.lanes.clear();
  for (const double rate : rates) rig_options.lanes.push_back({1, 100, static_cast<uint64_t>(rate)});
  Rig rig(rig_options, settings);
  for (size_t i = 0; i < kNfs; ++i) rig.spawn("busy", fmt::format("s{}", i), 1, tier, {{"cycles", kFairCosts[i]}});
  rig.start();
  usleep(500'000);
  std::vector<uint64_t> before = rig.packets_of_nfs();
  double began = seconds_now();
  for (int i = 0; i < windows; ++i) {
    usleep(static_cast<useconds_t>(window_s * 1e6));
    const std::vector<uint64_t> after = rig.packets_of_nfs();
    const double now = seconds_now();
    FairValues achieved, asked;
    FairWindow window;
    for (size_t nf = 0; nf < kNfs; ++nf) {
      achieved[nf] = static_cast<double>(after[nf] - before[nf]) * costs[nf];
      asked[nf] = rates[nf] * costs[nf] * (now - began);
      window.completed[nf] = achieved[nf] / asked[nf];
    }
    const FairValues parts = entitled_to(entitled, std::accumulate(achieved.begin(), achieved.end(), 0.0), asked);
    std::vector<double> shares;
    for (size_t nf = 0; nf < kNfs; ++nf) shares.push_back(parts[nf] > 0 ? achieved[nf] / parts[nf] : 1);
    window.jain = jain(shares);
    window.least_share = *std::min_element(shares.begin(), shares.end());
    each(window);
    before = after;
    began = now;
  }
  rig.settle();
  return rig.books();
}

}  // namespace roost::experiment

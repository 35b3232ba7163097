// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs of very different cost share a core that is offered twice what it can do. Does each get what it is
// entitled to, in every tenth of a second?
//
// Work is judged from outside: packets completed, times a cost that was calibrated apart with NFs of one kind. Who is
// entitled to what of all the work that got done:
//   rate-cost shares   in proportion to arrival rate x cost: every NF completes the same part of its packets
//   even shares        equal parts, but nobody more than it has packets for (max-min)
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kCosts[] = {50, 250, 1'000, 5'000};  // cycles a packet
constexpr size_t kNfs = std::size(kCosts);
constexpr double kOverload = 2, kWindow_s = 0.1;
constexpr int kWindowsAPair = 4;
constexpr double kRateMost = 2.5e6;  // packets/s for one NF; the io core has four to serve

enum class Entitled { rate_cost, even };

struct Row {
  const char* name;
  Tier tier;
  Entitled entitled;
  std::vector<std::string> settings;
};

using Values = std::array<double, kNfs>;

// Arrival rates that offer twice what the core can do: the same for all, or each twice its even part.
Values rates_for(Entitled entitled, const Values& costs, double hz) {
  const double all = std::accumulate(costs.begin(), costs.end(), 0.0);
  Values rates;
  for (size_t i = 0; i < kNfs; ++i)
    rates[i] =
        entitled == Entitled::rate_cost ? kOverload * hz / all : std::min(kOverload * hz / kNfs / costs[i], kRateMost);
  return rates;
}

// Parts of `work`, of which nobody gets more than it asked for; what it leaves goes evenly to the others.
Values even_parts(double work, const Values& asked) {
  Values parts{};
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

Values entitled_to(Entitled entitled, double work, const Values& asked) {
  if (entitled == Entitled::even) return even_parts(work, asked);
  const double all = std::accumulate(asked.begin(), asked.end(), 0.0);
  Values parts;
  for (size_t i = 0; i < kNfs; ++i) parts[i] = work * asked[i] / all;
  return parts;
}

// Cycles a packet of an NF among others of its kind, which use the core as much as those that it is measured beside:
// alone, it would find all that it needs still in the core's caches.
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

Json measure(const Row& row, const Values& costs, const SchedulingOptions& options) {
  const Values rates = rates_for(row.entitled, costs, static_cast<double>(measure_tsc_hz()));
  std::vector<double> jains, least_shares;
  Values completed{};
  for (int life = 0; life < options.lives; ++life) {
    RigOptions rig_options;
    rig_options.lanes.clear();
    for (const double rate : rates) rig_options.lanes.push_back({1, 100, static_cast<uint64_t>(rate)});
    std::vector<std::string> settings = row.settings;
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    Rig rig(rig_options, settings);
    for (size_t i = 0; i < kNfs; ++i) rig.spawn("busy", fmt::format("s{}", i), 1, row.tier, {{"cycles", kCosts[i]}});
    rig.start();
    usleep(500'000);
    std::vector<uint64_t> before = rig.packets_of_nfs();
    double began = seconds_now();
    for (int window = 0; window < options.pairs * kWindowsAPair; ++window) {
      usleep(static_cast<useconds_t>(kWindow_s * 1e6));
      const std::vector<uint64_t> after = rig.packets_of_nfs();
      const double now = seconds_now();
      Values achieved, asked;
      for (size_t i = 0; i < kNfs; ++i) {
        achieved[i] = static_cast<double>(after[i] - before[i]) * costs[i];
        asked[i] = rates[i] * costs[i] * (now - began);
        completed[i] += achieved[i] / asked[i];
      }
      const Values parts = entitled_to(row.entitled, std::accumulate(achieved.begin(), achieved.end(), 0.0), asked);
      std::vector<double> shares;
      for (size_t i = 0; i < kNfs; ++i) shares.push_back(achieved[i] / parts[i]);
      jains.push_back(jain(shares));
      least_shares.push_back(*std::min_element(shares.begin(), shares.end()));
      before = after;
      began = now;
    }
    rig.settle();
  }
  const Spread index = spread_of(jains), least = spread_of(least_shares);
  fmt::print(
      "{:<34} Jain's index {:.4f} [{:.4f} to {:.4f}], smallest share {:.3f} [{:.3f} to {:.3f}], {} windows of 100 ms; "
      "completed of what was offered",
      row.name, index.median, index.least, index.most, least.median, least.least, least.most, jains.size());
  Json of_offered = Json::object();
  for (size_t i = 0; i < kNfs; ++i) {
    of_offered[std::to_string(kCosts[i])] = completed[i] / static_cast<double>(jains.size());
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
    Values costs;
    for (size_t i = 0; i < kNfs; ++i) costs[i] = calibrate(kCosts[i], row.tier, options.settings);
    result.push_back(measure(row, costs, options));
    result.back()["calibrated_cycles"] = costs;
  }
  return result;
}

}  // namespace roost::experiment

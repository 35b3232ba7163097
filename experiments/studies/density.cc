// SPDX-License-Identifier: BSD-3-Clause
// Question: what does it cost to hold many NFs? The matrix of the method: NFs x tier x the share of them that gets
// packets x chain length x cost of an NF x traffic.
//
// Each life: start; the most that comes out (MRR) in slices beside the bare pipeline's, which does the same work for a
// packet in one polling process; NDR and PDR; latency at 10, 50 and 90 % of PDR. In the scale matrix one start serves
// all rows that differ in their traffic only, and rates are searched in some rows.
#include <algorithm>

#include "experiments/studies/density_start.h"

namespace roost::experiment {
namespace density_study {
namespace {

Json base(const char* tier) {
  return {{"nfs", 100},        {"tier", tier},      {"active_percent", 100}, {"hops", 1},
          {"cost_cycles", 50}, {"shared_cores", 1}, {"traffic", "uniform"}};
}

Json dimensions(const char* tier) {
  Json all{{"active_percent", {1, 10, 100}},
           {"hops", {1, 3, 8}},
           {"cost_cycles", {50, 250, 1'000, 5'000}},
           {"shared_cores", {1, 2, 4, 8}},
           {"traffic", {"uniform", "zipf", "imix", "capture"}}};
  if (std::string(tier) == "fiber")
    all["nfs"] = {1, 10, 100, 1'000, 10'000, 100'000};
  else
    all["nfs"] = {1, 10, 100, 1'000, 4'000};
  return all;
}

// Thousands of processes take half a minute to start and end: in the scale matrix they are started for these chains
// only, so that they meet each length and each cost at least once.
constexpr uint32_t kManyProcesses = 4'000;
constexpr std::pair<uint32_t, uint64_t> kChainsOfMany[] = {{1, 50}, {1, 5'000}, {3, 250}, {8, 1'000}};

bool in_matrix(const Json& row) {
  if (row["tier"] != "process" || row["nfs"] != kManyProcesses) return true;
  return std::any_of(std::begin(kChainsOfMany), std::end(kChainsOfMany), [&](const auto& chain) {
    return row["hops"] == chain.first && row["cost_cycles"] == chain.second;
  });
}

std::vector<Json> rows(Scale scale) {
  std::vector<Json> all;
  for (const char* tier : {"fiber", "process"}) {
    std::vector<Json> some;
    if (scale == Scale::full || scale == Scale::matrix) {
      Json matrix = dimensions(tier);
      matrix["tier"] = {tier};
      matrix["traffic"].push_back("zipf_imix");
      if (scale == Scale::matrix) matrix["shared_cores"] = {1};
      some = product(matrix);
      if (scale == Scale::matrix) std::erase_if(some, [](const Json& row) { return !in_matrix(row); });
    } else if (scale == Scale::lines) {
      some = lines(base(tier), dimensions(tier));
    } else {
      some = lines(base(tier), std::string(tier) == "fiber"
                                   ? Json{{"nfs", {1, 100, 10'000}}, {"hops", {1, 3}}, {"traffic", {"uniform", "imix"}}}
                                   : Json{{"nfs", {1, 100}}});
    }
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions& trial) {
  if (row["traffic"] == "capture" && trial.capture.empty()) return "no capture is given: --capture FILE";
  const auto nfs = row["nfs"].get<uint32_t>(), hops = row["hops"].get<uint32_t>();
  if (nfs < hops) return "a chain has at least one NF for each of its hops";
  const auto active_percent = row["active_percent"].get<uint32_t>();
  if (nfs / hops * active_percent < 100)
    return fmt::format("{} % of {} NFs is less than one", active_percent, nfs / hops);
  if (row["traffic"] == "capture" && active_percent != 100)
    return "a capture has the flows that it has: active_percent=100 stands for them";
  return machine_problem(row, limits);
}

// Of a start: what its rows have in common.
std::string start_name(const Json& row) {
  Json common = row;
  for (const char* of_traffic : {"active_percent", "traffic"}) common.erase(of_traffic);
  return row_name(common);
}

// In the scale matrix: a search takes as long as ten rows without.
bool searched(const Json& row) {
  return row["active_percent"] == 100 && row["traffic"] == "uniform" && (row["hops"] == 1 || row["cost_cycles"] == 250);
}

void measure_together(const std::vector<Json>& rows, const TrialOptions& options, std::vector<Life>& lives) {
  DensityStart start(rows, options, lives);
  for (size_t i = 0; i < rows.size(); ++i) {
    start.feed(rows[i]);
    const double mrr = start.measure_mrr(lives[i]);
    if (searched(rows[i])) start.measure_rates(mrr, lives[i]);
    start.add_books(lives[i]);
  }
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  std::vector<Life> lives{life};
  DensityStart start({row}, options, lives);
  start.measure_rates(start.measure_mrr(lives[0]), lives[0]);
  start.add_books(lives[0]);
  life = lives[0];
}

}  // namespace
}  // namespace density_study

Experiment density() {
  Experiment experiment{"density",
                        "What does it cost to hold many NFs, and what of it depends on how many of them are active?",
                        density_study::rows, density_study::problem, density_study::measure};
  experiment.shared = {density_study::start_name, density_study::measure_together};
  return experiment;
}

}  // namespace roost::experiment

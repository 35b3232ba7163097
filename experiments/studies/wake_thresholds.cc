// SPDX-License-Identifier: BSD-3-Clause
// Question: when is a sleeping worker woken best: for how many packets, after how long, and after how much spinning of
// its own? And what does each choice cost in latency, CPU time and wakes, by load?
//
// Each life: what the NFs can do with the default settings; then, at a part of that, slices with the row's settings and
// with the defaults in turn. openNetVM's setting is one packet, no deadline, no spin.
#include <cmath>

#include "cli/pareto.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace wake_thresholds_study {
namespace {

constexpr uint32_t kNfs = 8;
constexpr double kDelivered = 0.99;  // of what was offered, or a row is on no front
const char* const kSettings[] = {"wake_packets", "wake_deadline_us", "spin_us"};

uint64_t standard(const char* setting) {
  return setting_specs()[static_cast<size_t>(Settings::find(setting))].standard;
}

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}},
           {"nfs", {kNfs}},
           {"load_percent", {1, 10, 50, 90}},
           {"wake_packets", {1, 4, 16, 64, 256}},
           {"wake_deadline_us", {0, 20, 50, 200, 1'000, 4'000}},
           {"spin_us", {0, 20, 100}}};
  if (scale == Scale::lines) {
    all["wake_packets"] = {1, 16, 64};
    all["wake_deadline_us"] = {0, 50, 1'000};
    all["spin_us"] = {0, 20};
  }
  if (scale == Scale::quick) {
    all["tier"] = {"process"};
    all["load_percent"] = {10, 50};
    all["wake_packets"] = {1, 64};
    all["wake_deadline_us"] = {0, 50, 2'000};
    all["spin_us"] = {0, 20};
  }
  std::vector<Json> chosen;
  for (Json& row : product(all)) {
    const bool any_wait =
        row["wake_packets"] == 1 || row["wake_deadline_us"] == 0;  // woken for the first packet anyhow
    const bool one_of_those =
        row["wake_packets"] == 1 && (row["wake_deadline_us"] == 0 || row["wake_deadline_us"] == 50);
    if (any_wait && !one_of_those) continue;
    chosen.push_back(std::move(row));
  }
  return chosen;
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem(row, limits);
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  RigOptions rig_options;
  rig_options.steered = true;
  rig_options.lanes[0].flows = flows_for(kNfs, 1);
  rig_options.lanes[0].seed = options.seed;
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", kNfs, tier_of(row), {{"cycles", 250}});
  rig.trial(0, options.warm_up_s);
  std::vector<double> capacity;
  for (int i = 0; i < 3; ++i) capacity.push_back(rig.trial(0, options.slice_s).out_pps);
  const double rate = spread_of(capacity).median * row["load_percent"].get<double>() / 100;
  const auto use = [&](bool own) {
    for (const char* setting : kSettings)
      rig.manager().set(setting, own ? row[setting].get<uint64_t>() : standard(setting));
  };
  for (int pair = -1; pair < options.pairs; ++pair) {
    life.check();
    use(true);
    const RateTrial own = rig.trial(rate, options.slice_s);
    use(false);
    const RateTrial defaults = rig.trial(rate, options.slice_s);
    if (pair < 0) continue;  // warm-up
    life.add("offered_pps", static_cast<double>(own.offered) / own.seconds);
    life.add("throughput_pps", own.out_pps);
    life.add("delivered_share", 1 - own.loss());
    life.add("wakes_per_s", static_cast<double>(own.wakes) / own.seconds);
    add_latency(life, own);
    add_cpu(life, own);
    if (defaults.p99_us > 0) life.add("times_default_p99", own.p99_us / defaults.p99_us);
    const double cpu = defaults.workers_cpu_s + defaults.manager_cpu_s;
    if (cpu > 0) life.add("times_default_cpu", (own.workers_cpu_s + own.manager_cpu_s) / cpu);
  }
  life.add_books(rig.books());
}

double median_of(const Json& row, const char* figure) { return row["figures"][figure]["median"].get<double>(); }

std::string mark_of(const Json& parameters) {
  bool defaults = true;
  for (const char* setting : kSettings) defaults = defaults && parameters[setting] == standard(setting);
  if (defaults) return "default";
  if (parameters["wake_packets"] == 1 && parameters["wake_deadline_us"] == 0 && parameters["spin_us"] == 0)
    return "openNetVM";
  return "";
}

// For each tier and load: what nothing else beats in both p99 and CPU time, and where the two marks lie.
Json summary(const Json& rows) {
  std::map<std::pair<std::string, double>, std::vector<const Json*>> groups;
  for (const Json& row : rows)
    groups[{row["parameters"]["tier"].get<std::string>(), row["parameters"]["load_percent"].get<double>()}].push_back(
        &row);
  Json fronts = Json::array();
  for (const auto& [key, members] : groups) {
    std::vector<cli::TwoCosts> costs;
    Json marks = Json::object();
    for (const Json* row : members) {
      const bool delivers = median_of(*row, "delivered_share") >= kDelivered;
      costs.push_back(delivers ? cli::TwoCosts{median_of(*row, "latency_p99_us"), median_of(*row, "cpu_percent")}
                               : cli::TwoCosts{NAN, NAN});
      if (const std::string mark = mark_of((*row)["parameters"]); !mark.empty()) marks[mark] = (*row)["row"];
    }
    Json front = Json::array();
    for (const size_t place : cli::pareto_front(costs)) front.push_back((*members[place])["row"]);
    fronts.push_back({{"tier", key.first}, {"load_percent", key.second}, {"front", front}, {"marks", marks}});
  }
  return {{"fronts", fronts}, {"costs", {"latency_p99_us", "cpu_percent"}}, {"delivered_at_least", kDelivered}};
}

}  // namespace
}  // namespace wake_thresholds_study

Experiment wake_thresholds() {
  return {"wake_thresholds",
          "When is a sleeping worker woken best, and what does each choice cost by load?",
          wake_thresholds_study::rows,
          wake_thresholds_study::problem,
          wake_thresholds_study::measure,
          wake_thresholds_study::summary};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Question: when is a sleeping worker woken best: for how many packets, after how long, and after how much spinning of
// its own? And what does each choice cost in latency, CPU time and wakes, by load?
//
// Each life: what the NFs can do with the default settings; then, at a part of that, slices with the row's settings and
// with the defaults in turn. In the scale matrix one start serves all settings. openNetVM's setting is one packet, no
// deadline, no spin.
#include <cmath>

#include "cli/pareto.h"
#include "experiments/studies/loaded.h"

namespace roost::experiment {
namespace wake_thresholds_study {
namespace {

constexpr uint32_t kNfs = 8;
constexpr double kDelivered = 0.99;  // of what was offered, or a row is on no front
const char* const kSettings[] = {"wake_packets", "wake_deadline_us", "spin_us"};

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

cli::WakeChoice choice_of(const Json& row) {
  return {row["wake_packets"].get<uint64_t>(), row["wake_deadline_us"].get<uint64_t>(), row["spin_us"].get<uint64_t>()};
}

Loaded start(const Json& row, const TrialOptions& options) {
  return Loaded(tier_of(row), kNfs, row["load_percent"].get<double>(), options);
}

// A slice with the row's settings and one with the defaults. No life: warm-up.
void measure_pair(Loaded& loaded, const Json& row, Life* life) {
  const RateTrial own = loaded.slice(choice_of(row)), defaults = loaded.slice(standard_choice());
  if (life == nullptr) return;
  life->add("offered_pps", static_cast<double>(own.offered) / own.seconds);
  life->add("throughput_pps", own.out_pps);
  life->add("delivered_share", 1 - own.loss());
  life->add("wakes_per_s", static_cast<double>(own.wakes) / own.whole_s);
  add_latency(*life, own);
  add_cpu(*life, own);
  if (defaults.p99_us > 0) life->add("times_default_p99", own.p99_us / defaults.p99_us);
  const double cpu = defaults.workers_cpu_s + defaults.manager_cpu_s;
  if (cpu > 0) life->add("times_default_cpu", (own.workers_cpu_s + own.manager_cpu_s) / cpu);
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  Loaded loaded = start(row, options);
  measure_pair(loaded, row, nullptr);
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    measure_pair(loaded, row, &life);
  }
  life.add_books(loaded.books());
}

// Of a start: tier and load. Settings change while it lives.
std::string start_name(const Json& row) {
  Json common = row;
  for (const char* setting : kSettings) common.erase(setting);
  return row_name(common);
}

// All settings in turn, and again, so that what drifts is spread over them. The books are of all of them together.
void measure_together(const std::vector<Json>& rows, const TrialOptions& options, std::vector<Life>& lives) {
  Loaded loaded = start(rows.front(), options);
  measure_pair(loaded, rows.front(), nullptr);
  for (int pair = 0; pair < options.pairs; ++pair)
    for (size_t i = 0; i < rows.size(); ++i) {
      lives[i].check();
      measure_pair(loaded, rows[i], &lives[i]);
    }
  for (Life& life : lives) life.add_books(loaded.books());
}

double median_of(const Json& row, const char* figure) { return row["figures"][figure]["median"].get<double>(); }

std::string mark_of(const Json& parameters) {
  if (choice_of(parameters) == standard_choice()) return "default";
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
          wake_thresholds_study::summary,
          {wake_thresholds_study::start_name, wake_thresholds_study::measure_together}};
}

}  // namespace roost::experiment

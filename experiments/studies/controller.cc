// SPDX-License-Identifier: BSD-3-Clause
// Question: with sojourn_target_us the manager chooses how long packets wait for a wake-up. While the load steps
// between 1, 10, 50 and 90 % of what the NFs can do, does it hold the p99 under the target, and how many more wake-ups
// does it take than the best fixed threshold for each load?
//
// Each life: what the NFs can do; then, again and again, slices with the target set, at the load before this one, at
// this one right after the step, and once more at this one; and a slice at this load with each of many fixed
// thresholds. The best fixed one is that with the fewest wake-ups among those whose median p99 is not above the target.
#include <algorithm>

#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace controller_study {
namespace {

constexpr uint32_t kNfs = 8;
constexpr double kDelivered = 0.99;  // of what was offered, or a threshold does not count
constexpr double kBeforeStep = 3;    // slices
constexpr uint64_t kManyPackets = 512;
constexpr int kParts = 10;  // of the target: fixed deadlines

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}},
           {"nfs", {kNfs}},
           {"target_us", {200, 500, 1'000, 4'000}},
           {"load_percent", {1, 10, 50, 90}}};
  if (scale != Scale::full) all["target_us"] = {500};
  if (scale == Scale::quick) {
    all["tier"] = {"fiber"};
    all["load_percent"] = {10, 50};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem(row, limits);
}

struct Fixed {
  uint64_t packets, deadline_us;
  std::vector<double> wakes_per_s{}, p99_us{}, delivered{};

  double median(std::vector<double> Fixed::*figure) const { return spread_of(this->*figure).median; }
  bool holds(double target_us) const {
    return median(&Fixed::delivered) >= kDelivered && median(&Fixed::p99_us) <= target_us;
  }
};

std::vector<Fixed> thresholds(uint64_t target_us) {
  std::vector<Fixed> all{{1, 50}, {16, target_us}, {64, target_us}, {256, target_us}};
  for (uint64_t part = 1; part <= kParts; ++part) all.push_back({kManyPackets, part * target_us / kParts});
  return all;
}

// The steps go round: 1, 10, 50, 90, 1, ...
double load_before(double load) { return load == 1 ? 90 : load == 10 ? 1 : load == 50 ? 10 : 50; }

void tell(Life& life, const std::vector<Fixed>& fixed, const std::vector<double>& wakes_per_s, double target_us) {
  const Fixed* best = nullptr;
  double least_p99_us = fixed.front().median(&Fixed::p99_us);
  for (const Fixed& each : fixed) {
    least_p99_us = std::min(least_p99_us, each.median(&Fixed::p99_us));
    if (!each.holds(target_us)) continue;
    if (best == nullptr || each.median(&Fixed::wakes_per_s) < best->median(&Fixed::wakes_per_s)) best = &each;
  }
  life.add("least_fixed_p99_us", least_p99_us);
  if (best == nullptr) return;
  life.add("best_fixed_packets", static_cast<double>(best->packets));
  life.add("best_fixed_deadline_us", static_cast<double>(best->deadline_us));
  for (size_t i = 0; i < wakes_per_s.size(); ++i) {
    life.add("best_fixed_p99_us", best->p99_us[i]);
    life.add("best_fixed_wakes_per_s", best->wakes_per_s[i]);
    if (best->wakes_per_s[i] > 0) life.add("times_best_fixed", wakes_per_s[i] / best->wakes_per_s[i]);
  }
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const auto target_us = row["target_us"].get<uint64_t>();
  const auto load = row["load_percent"].get<double>();
  RigOptions rig_options;
  rig_options.steered = true;
  rig_options.lanes[0].flows = flows_for(kNfs, 1);
  rig_options.lanes[0].seed = options.seed;
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", kNfs, tier_of(row), {{"cycles", 250}});
  rig.trial(0, options.warm_up_s);
  std::vector<double> capacity;
  for (int i = 0; i < 3; ++i) capacity.push_back(rig.trial(0, options.slice_s).out_pps);
  const double all_pps = spread_of(capacity).median;
  const auto slice = [&](double percent, double slices = 1) {
    life.check();
    return rig.trial(all_pps * percent / 100, slices * options.slice_s);
  };
  std::vector<Fixed> fixed = thresholds(target_us);
  std::vector<double> wakes_per_s;
  for (int pair = 0; pair < options.pairs; ++pair) {
    rig.manager().set("sojourn_target_us", target_us);
    slice(load_before(load), kBeforeStep);
    const RateTrial step = slice(load), settled = slice(load);
    rig.manager().set("sojourn_target_us", 0);
    life.add("step_p99_us", step.p99_us);
    life.add("offered_pps", static_cast<double>(settled.offered) / settled.seconds);
    life.add("throughput_pps", settled.out_pps);
    life.add("delivered_share", 1 - settled.loss());
    life.add("held_share", settled.p99_us <= static_cast<double>(target_us) ? 1 : 0);
    add_latency(life, settled);
    add_cpu(life, settled);
    wakes_per_s.push_back(static_cast<double>(settled.wakes) / settled.whole_s);
    life.add("wakes_per_s", wakes_per_s.back());
    for (Fixed& each : fixed) {
      rig.manager().set("wake_packets", each.packets);
      rig.manager().set("wake_deadline_us", each.deadline_us);
      const RateTrial trial = slice(load);
      each.wakes_per_s.push_back(static_cast<double>(trial.wakes) / trial.whole_s);
      each.p99_us.push_back(trial.p99_us);
      each.delivered.push_back(1 - trial.loss());
    }
  }
  tell(life, fixed, wakes_per_s, static_cast<double>(target_us));
  life.add_books(rig.books());
}

}  // namespace
}  // namespace controller_study

Experiment controller() {
  return {
      "controller",
      "Does the controller hold the p99 while the load steps, and with how many more wakes than the best threshold?",
      controller_study::rows, controller_study::problem, controller_study::measure};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Question: how long does a single packet wait until its NF is called, apart from the rest of its way, against a bare
// futex wake-up between the same cores at the same pace?
#include "experiments/harness/futex_pair.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace latency_study {
namespace {

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}}, {"pulses_per_s", {200, 1'000, 5'000}}, {"worker", {"asleep", "awake"}}};
  if (scale == Scale::quick) {
    all["tier"] = {"fiber"};
    all["pulses_per_s"] = {1'000};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem({{"nfs", 1}, {"tier", row["tier"]}}, limits);
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const auto pulses = row["pulses_per_s"].get<double>();
  const bool asleep = row["worker"] == "asleep";
  FutexPair futex;
  RigOptions rig_options;
  rig_options.pulses_per_s = pulses;
  // The loop polls all the time, as the waker of the pair does; the worker sleeps after each packet, or never.
  Rig rig(rig_options,
          with({"idle_us=1000000", asleep ? "spin_us=0" : "spin_us=100000", "spin_adaptive=0"}, options.settings));
  rig.spawn("lap", "s0", 1, tier_of(row));
  rig.rate_over(options.warm_up_s);
  DataLoop& loop = rig.manager().loop();
  const double us = 1e6 / static_cast<double>(rig.manager().tsc_hz());
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    rig.pulse().to_call().clear();
    loop.call([&] { loop.clear_latency(); });
    rig.rate_over(options.slice_s);
    const double to_run = static_cast<double>(rig.pulse().to_call().quantile(0.5)) * us;
    const double whole = static_cast<double>(loop.latency().quantile(0.5)) * us;
    life.add("wake_to_run_p50_us", to_run);
    life.add("wake_to_run_p99_us", static_cast<double>(rig.pulse().to_call().quantile(0.99)) * us);
    life.add("latency_p50_us", whole);
    life.add("after_run_p50_us", std::max(0.0, whole - to_run));
    if (!asleep) continue;
    const double bare = futex.wake_cycles(pulses, options.slice_s) * us;
    life.add("futex_p50_us", bare);
    if (bare > 0) life.add("times_futex", to_run / bare);
  }
  life.add_books(rig.books());
}

}  // namespace
}  // namespace latency_study

Experiment latency() {
  return {"latency", "How long does a packet wait until its NF is called, against a bare futex wake-up?",
          latency_study::rows, latency_study::problem, latency_study::measure};
}

}  // namespace roost::experiment

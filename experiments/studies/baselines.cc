// SPDX-License-Identifier: BSD-3-Clause
// Question: how does Roost stand beside each of the baselines, on the same cores, with the same number of packets in
// flight?
#include <signal.h>

#include "experiments/harness/bare_pipeline.h"
#include "experiments/harness/direct_call.h"
#include "experiments/harness/semaphore_sweep.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace baselines_study {
namespace {

constexpr const char* kBaselines[] = {"direct_call", "bare_pipeline", "semaphore_sweep", "poll_yield"};

std::vector<Json> rows(Scale scale) {
  Json all{{"baseline", kBaselines},
           {"tier", {"fiber", "process"}},
           {"nfs", {1, 10, 100}},
           {"in_flight", {128, 4'096}},
           {"cost_cycles", {50, 1'000}}};
  if (scale != Scale::full) all["cost_cycles"] = {50};
  if (scale == Scale::quick) {
    all["nfs"] = {10};
    all["in_flight"] = {4'096};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem(row, limits);
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const auto nfs = row["nfs"].get<uint32_t>(), in_flight = row["in_flight"].get<uint32_t>();
  const auto cost = row["cost_cycles"].get<uint64_t>();
  RigOptions rig_options;
  rig_options.window = in_flight;
  rig_options.lanes[0].flows = flows_for(nfs, 1);
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", nfs, tier_of(row), {{"cycles", cost}});
  const std::string name = row["baseline"];
  std::unique_ptr<SemaphoreSweep> sweep;
  std::unique_ptr<BarePipeline> bare;
  std::unique_ptr<DirectCall> direct;
  const PortConfig source = Rig::source(rig_options.lanes[0]);
  std::function<double()> baseline;
  if (name == "direct_call") {
    direct = std::make_unique<DirectCall>(rig.manager().pool(), source, rig.manager().tsc_hz(), cost);
    baseline = [&] { return direct->rate_over(options.slice_s); };
  } else if (name == "bare_pipeline") {
    bare = std::make_unique<BarePipeline>(rig.manager().pool(), source, rig_options.flow_rows, rig.manager().tsc_hz(),
                                          cost);
    baseline = [&] { return bare->rate_over(options.slice_s); };
  } else {
    SemaphoreSweep::Options sweeping{
        .nfs = nfs, .chain = false, .flows = rig_options.lanes[0].flows, .flow_rows = rig_options.flow_rows};
    sweeping.cost_cycles = cost;
    if (name == "poll_yield") sweeping.wait = SemaphoreSweep::Wait::yield;
    sweep = std::make_unique<SemaphoreSweep>(rig.manager().pool(), sweeping);
    // Processes that poll would take the core from Roost's workers.
    const auto signal_all = [&](int number) {
      for (const pid_t pid : sweep->pids()) kill(pid, number);
    };
    baseline = [&options, &sweep, in_flight, signal_all] {
      signal_all(SIGCONT);
      const double rate = sweep->rate_over(options.slice_s, in_flight);
      signal_all(SIGSTOP);
      return rate;
    };
    signal_all(SIGSTOP);
  }
  rig.rate_over(options.warm_up_s);
  baseline();
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    const double rate = rig.rate_over(options.slice_s);
    life.add_pair(name, rate, baseline());
  }
  life.add_books(rig.books());
}

}  // namespace
}  // namespace baselines_study

Experiment baselines() {
  return {"baselines", "How does Roost stand beside each baseline, on the same cores and packets?",
          baselines_study::rows, baselines_study::problem, baselines_study::measure};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Question: a chain ends in a slow NF and is offered twice what that can do. How much work is spent on packets that are
// dropped later, and how much of the slow NF's own throughput is left, with backpressure and without?
#include <algorithm>

#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace chain_study {
namespace {

constexpr double kOverload = 2;

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}},
           {"hops", {2, 4, 8, 16}},
           {"slow_cycles", {1'000, 5'000, 20'000}},
           {"backpressure", {1, 0}}};
  if (scale == Scale::quick) all["hops"] = {8}, all["slow_cycles"] = {5'000};
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem({{"nfs", row["hops"]}, {"tier", row["tier"]}}, limits);
}

std::unique_ptr<Rig> make(const Json& row, uint32_t hops, const TrialOptions& options) {
  RigOptions rig_options;
  rig_options.steered = true;
  rig_options.lanes[0].services = hops;
  rig_options.lanes[0].flows = 100;
  rig_options.lanes[0].seed = options.seed;
  std::vector<std::string> settings = options.settings;
  settings.push_back(fmt::format("backpressure={}", row["backpressure"].get<int>()));
  auto rig = std::make_unique<Rig>(rig_options, settings);
  for (uint32_t i = 0; i < hops; ++i)
    rig->spawn("busy", fmt::format("s{}", i), 1, tier_of(row),
               {{"cycles", i + 1 == hops ? row["slow_cycles"].get<uint64_t>() : 0}});
  rig->trial(0, options.warm_up_s);
  return rig;
}

// Cycles that NFs spent on packets which did not come out, of all their cycles: before and after are ps's NFs.
double wasted(const Json& before, const Json& after, uint64_t out) {
  double work = 0, lost = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    const double packets = after[i]["packets"].get<double>() - before[i]["packets"].get<double>();
    const double cycles = after[i]["cycles_per_packet"].get<double>();
    work += packets * cycles;
    lost += std::max(0.0, packets - static_cast<double>(out)) * cycles;
  }
  return work == 0 ? 0 : lost / work;
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const auto hops = row["hops"].get<uint32_t>();
  // One manager at a time has the packet memory: what the slow NF can do alone is measured before and after.
  std::vector<double> alone;
  const auto measure_alone = [&] {
    const auto rig = make(row, 1, options);
    for (int i = 0; i < options.pairs; ++i) {
      life.check();
      alone.push_back(rig->trial(0, options.slice_s).out_pps);
    }
    life.add_books(rig->books());
  };
  measure_alone();
  const double offered = kOverload * spread_of(alone).median;
  std::vector<double> chained;
  {
    const auto rig = make(row, hops, options);
    for (int i = 0; i < 2 * options.pairs; ++i) {
      life.check();
      const Json before = rig->manager().ps(-1, hops)["nfs"];
      const RateTrial trial = rig->trial(offered, options.slice_s);
      life.add("wasted_share", wasted(before, rig->manager().ps(-1, hops)["nfs"], trial.transmitted));
      chained.push_back(trial.out_pps);
      add_latency(life, trial);
    }
    life.add_books(rig->books());
  }
  measure_alone();
  for (size_t i = 0; i < chained.size(); ++i) {
    life.add("throughput_pps", chained[i]);
    life.add("slowest_alone_pps", alone[i]);
    life.add("times_slowest_alone", chained[i] / alone[i]);
  }
}

}  // namespace
}  // namespace chain_study

Experiment chain() {
  return {"chain", "A chain ends in a slow NF, at twice its load: what is wasted, and what is left of its throughput?",
          chain_study::rows, chain_study::problem, chain_study::measure};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Question: what do NFs cost while nothing comes for them?
#include <unistd.h>

#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace idle_study {
namespace {

constexpr int kSlices = 5;  // rest is measured over longer than traffic is
constexpr uint32_t kHostsCounted = 1'000;

std::vector<Json> rows(Scale scale) {
  std::vector<Json> all =
      product({{"tier", {"fiber"}}, {"nfs", scale == Scale::quick ? Json{1, 10'000} : Json{1, 100, 10'000, 100'000}}});
  const auto processes =
      product({{"tier", {"process"}}, {"nfs", scale == Scale::quick ? Json{100} : Json{1, 10, 100, 900}}});
  all.insert(all.end(), processes.begin(), processes.end());
  return all;
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  if (row["tier"] == "process" && row["nfs"] > kHostsCounted) return "more hosts than the manager tells the PIDs of";
  return machine_problem(row, limits);
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  RigOptions rig_options;
  rig_options.lanes[0].flows = flows_for(row["nfs"], 1);
  rig_options.flow_rows = std::max(1U << 18, 2 * rig_options.lanes[0].flows);
  Rig rig(rig_options, options.settings);
  rig.spawn("touch", "s0", row["nfs"], tier_of(row));
  rig.rate_over(options.warm_up_s);  // all have had packets
  usleep(500'000);
  const auto& wakes = rig.manager().loop().counters().kernel_wakes;
  for (int slice = 0; slice < options.pairs; ++slice) {
    const double workers = rig.workers_cpu_s(), manager = rig.manager_cpu_s(), began = seconds_now();
    const uint64_t wakes_before = wakes.get();
    for (int part = 0; part < kSlices; ++part) {
      life.check();
      usleep(static_cast<useconds_t>(options.slice_s * 1e6));
    }
    const double seconds = seconds_now() - began;
    RateTrial rest;
    rest.whole_s = seconds;
    rest.manager_cpu_s = rig.manager_cpu_s() - manager;
    rest.workers_cpu_s = rig.workers_cpu_s() - workers;
    add_cpu(life, rest);
    life.add("wakes_per_s", static_cast<double>(wakes.get() - wakes_before) / seconds);
  }
  life.add_books(rig.books());
}

}  // namespace
}  // namespace idle_study

Experiment idle() {
  return {"idle", "What do NFs cost while nothing comes for them?", idle_study::rows, idle_study::problem,
          idle_study::measure};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs at a modest load share their core with one that is offered far more than it can do. What becomes of
// the others' throughput and latency?
//
// The neighbour is another tenant's, with a port of its own. Slices without it (its packets are dropped where they come
// in) and with it, in turn.
#include <unistd.h>

#include <algorithm>

#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace noisy_neighbour_study {
namespace {

constexpr uint32_t kNfs = 8;
constexpr uint64_t kVictimCycles = 500;
constexpr double kOverload = 2,
                 kNeighbourMost = 5e6;  // of what it could do alone; packets/s, of an io core that serves both

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}}, {"load_percent", {10, 30}}, {"neighbour_cycles", {50, 5'000}}};
  if (scale == Scale::quick) {
    all["load_percent"] = {10};
    all["neighbour_cycles"] = {5'000};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  return machine_problem({{"nfs", kNfs + 1}, {"tier", row["tier"]}}, limits);
}

struct Slice {
  double out_pps = 0, p99_us = 0;
};

// Of the packets that are sent on, which are theirs alone: the neighbour drops its own.
class Victims {
 public:
  explicit Victims(Rig& rig) : rig_(rig) {}

  Slice over(double seconds) {
    DataLoop& loop = rig_.manager().loop();
    const uint64_t before = loop.ports()[kOutPort]->counters().transmitted.get();
    loop.call([&] { loop.clear_latency(); });
    const double began = seconds_now();
    usleep(static_cast<useconds_t>(seconds * 1e6));
    const double took = seconds_now() - began;
    const auto out = static_cast<double>(loop.ports()[kOutPort]->counters().transmitted.get() - before);
    return {out / took,
            static_cast<double>(loop.latency().quantile(0.99)) * 1e6 / static_cast<double>(rig_.manager().tsc_hz())};
  }

 private:
  static constexpr size_t kOutPort = 2;  // behind the two lanes
  Rig& rig_;
};

double capacity_of(const Json& row, const TrialOptions& options) {
  RigOptions rig_options;
  rig_options.steered = true;
  rig_options.lanes[0].flows = flows_for(kNfs, 1);
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", kNfs, tier_of(row), {{"cycles", kVictimCycles}});
  rig.trial(0, options.warm_up_s);
  return rig.trial(0, 2 * options.slice_s).out_pps;
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const double rate = capacity_of(row, options) * row["load_percent"].get<double>() / 100;
  RigOptions rig_options;
  const auto victims_pps = std::max<uint64_t>(100, static_cast<uint64_t>(rate));
  const auto neighbour_cycles = row["neighbour_cycles"].get<uint64_t>();
  const double overload = kOverload * static_cast<double>(measure_tsc_hz()) / static_cast<double>(neighbour_cycles);
  const auto neighbour_pps = static_cast<uint64_t>(std::min(kNeighbourMost, overload));
  rig_options.lanes = {{1, flows_for(kNfs, 1), victims_pps}, {1, 100, neighbour_pps}};
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", kNfs, tier_of(row), {{"cycles", kVictimCycles}});
  Victims victims(rig);
  // The neighbour comes and goes as an NF: without one its packets are dropped where they come in.
  const auto neighbour = [&](bool there) {
    if (there) {
      Manager::SpawnRequest request;
      request.module = Rig::module_path("sink");
      request.service = "s1";
      request.tier = tier_of(row);
      request.tenant = "neighbour";
      request.config = {{"cycles", neighbour_cycles}};
      rig.manager().spawn(request);
    } else {
      rig.manager().stop_service("s1");
    }
    usleep(static_cast<useconds_t>(options.warm_up_s * 1e6));
  };
  rig.start();
  usleep(static_cast<useconds_t>(options.warm_up_s * 1e6));
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    const Slice quiet = victims.over(2 * options.slice_s);
    neighbour(true);
    const Slice noisy = victims.over(2 * options.slice_s);
    neighbour(false);
    life.add("throughput_pps", noisy.out_pps);
    life.add("latency_p99_us", noisy.p99_us);
    life.add("quiet_p99_us", quiet.p99_us);
    if (quiet.p99_us > 0) life.add("times_quiet_p99", noisy.p99_us / quiet.p99_us);
    if (quiet.out_pps > 0) life.add("times_quiet_pps", noisy.out_pps / quiet.out_pps);
  }
  rig.settle();
  life.add_books(rig.books());
}

}  // namespace
}  // namespace noisy_neighbour_study

Experiment noisy_neighbour() {
  return {"noisy_neighbour", "What does an overloaded NF of another tenant do to those that share its core?",
          noisy_neighbour_study::rows, noisy_neighbour_study::problem, noisy_neighbour_study::measure};
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// roost-simulate: the policies that Roost runs with, under virtual time, with as many NFs, workers and cores as wanted.
// Question: does everybody get served in time, and does nobody pin the packet memory, at sizes that no machine here
// has?
#include <fmt/format.h>

#include "cli/program.h"
#include "experiments/simulator/production.h"
#include "experiments/simulator/report.h"
#include "experiments/simulator/scenarios.h"

namespace {

using namespace roost::simulator;

struct Wanted {
  std::string scenario = "mixed", fault, run_order, core_order;
  Size size;
  uint32_t seeds = 1;
  uint64_t wake_packets = 0, wake_deadline_cycles = 0, turn_cycles = 0;
  bool json = false;
};

int run(const Wanted& wanted) {
  uint64_t violations = 0;
  for (uint32_t i = 0; i < wanted.seeds; ++i) {
    Size size = wanted.size;
    size.seed += i;
    Model model = make_model(wanted.scenario, size);
    if (wanted.wake_packets != 0) model.wake.packets = wanted.wake_packets;
    if (wanted.wake_deadline_cycles != 0) model.wake.deadline_cycles = wanted.wake_deadline_cycles;
    if (wanted.turn_cycles != 0) model.turn_cycles = wanted.turn_cycles;
    Policies policies;
    use(policies, wanted.run_order, wanted.core_order);
    if (!wanted.fault.empty()) plant(policies, wanted.fault);
    Simulation simulation(model, policies);
    simulation.run();
    const roost::Json report = report_json(wanted.scenario, model, simulation);
    fmt::print("{}{}", i != 0 && !wanted.json ? "\n" : "",
               wanted.json ? roost::json_text(report) + "\n" : report_text(report));
    violations += simulation.checks().violations();
  }
  return violations == 0 ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  roost::cli::Command program("roost-simulate",
                              "Roost's scheduling policies under virtual time; exit status 3: a property is violated");
  Wanted wanted;
  std::vector<std::string> names;
  for (const Scenario& each : scenarios()) names.push_back(each.name);
  program.positional("scenario", wanted.scenario, "mixed, thresholds, overload, hogs, hoarder, chains or skewed")
      .one_of(names);
  program.option("--nfs", wanted.size.nfs, "NFs").range(1, 1'000'000);
  program.option("--nfs-per-worker", wanted.size.nfs_per_worker, "NFs in each worker").range(1, 1'000'000);
  program.option("--cores", wanted.size.cores, "shared cores").range(1, 4'096);
  program.option("--load", wanted.size.load_percent, "percent of what the cores can do (mixed, thresholds, skewed)")
      .range(1, 1'000);
  program.option("--cycles", wanted.size.end_cycles, "virtual time").range(1'000, 1e13);
  program.option("--seed", wanted.size.seed, "of chance");
  program.option("--seeds", wanted.seeds, "so many runs, with this and the following seeds").range(1, 100'000);
  program.option("--wake-packets", wanted.wake_packets, "wake threshold").range(1, 1e6);
  program.option("--wake-deadline", wanted.wake_deadline_cycles, "wake deadline, cycles").range(1, 1e12);
  program.option("--turn", wanted.turn_cycles, "what a worker may use of a core at a time, cycles").range(1, 1e12);
  program
      .option("--run-order", wanted.run_order, "of NFs in a worker: rr or drr (default: the simulator's round robin)")
      .one_of({"rr", "drr"});
  program.option("--core-order", wanted.core_order, "of workers on a core (default: the simulator's first come)")
      .one_of({"first_come", "least_used", "priority"});
  program.option("--fault", wanted.fault, "plant one, which the checks have to find")
      .one_of({"no-deadline", "no-turns", "last-come-first", "no-limit", "lost-packets", "no-hysteresis"});
  program.flag("--json", wanted.json, "one JSON object a line for each run");
  program.runs([&wanted] { return run(wanted); });
  return roost::cli::run_program(program, "roost-simulate", argc, argv);
}

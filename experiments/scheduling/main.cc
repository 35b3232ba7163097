// SPDX-License-Identifier: BSD-3-Clause
// roost-scheduling: what the scheduler does for NFs that share a core, each figure beside its baseline in the same run.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "cli/command.h"
#include "core/error.h"
#include "core/log.h"
#include "experiments/scheduling/figures.h"
#include "scheduler/packet_pool.h"

namespace {

using namespace roost::experiment;

struct Wanted {
  std::string which = "all", json_path;
  SchedulingOptions options;
};

struct Figure {
  const char* name;
  roost::Json (*measure)(const SchedulingOptions&);
};
constexpr Figure kFigures[] = {{"fairness", fairness},         {"wasted_work", wasted_work},
                               {"process_tier", process_tier}, {"wake_latency", wake_latency},
                               {"runaway", runaway},           {"decision_cost", decision_cost}};

int run(const Wanted& wanted) {
  roost::start_log("warn");
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) roost::fail("needs two cores, there is one");
  pin_to(0);
  roost::init_eal(fmt::format("scheduling-{}", getpid()), 4096);
  const double steal = steal_share();
  roost::Json result{{"machine", machine_facts()}};
  for (const Figure& figure : kFigures)
    if (wanted.which == "all" || wanted.which == figure.name) result[figure.name] = figure.measure(wanted.options);
  result["machine"]["steal_share_change"] = steal_share() - steal;
  if (!wanted.json_path.empty()) std::ofstream(wanted.json_path) << roost::json_text(result, 2) << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  roost::cli::Command program("roost-scheduling",
                              "What the scheduler does for NFs that share a core, beside baselines in the same run");
  Wanted wanted;
  SchedulingOptions& options = wanted.options;
  program.positional("figure", wanted.which, "all, or one of them")
      .one_of({"all", "fairness", "wasted_work", "process_tier", "wake_latency", "runaway", "decision_cost"});
  program.option("--lives", options.lives, "fresh processes for each row").range(1, 100);
  program.option("--pairs", options.pairs, "pairs of slices in each life").range(1, 1000);
  program.option("--slice", options.slice_s, "length of a slice, s").range(0.01, 10);
  program.option("--set", options.settings, "run with this setting, NAME=VALUE; may be given again");
  program.option("--json", wanted.json_path, "write the figures to this file");
  program.runs([&wanted] { return run(wanted); });
  try {
    return program.run(argc, argv);
  } catch (const roost::cli::UsageError& error) {
    fmt::print(stderr, "roost-scheduling: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "roost-scheduling: {}\n", error.what());
    return 1;
  }
}

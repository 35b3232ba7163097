// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "cli/program.h"
#include "core/error.h"
#include "core/log.h"
#include "scheduler/packet_pool.h"

namespace roost::experiment {
namespace {

int measure(const FigureProgram& program, const std::string& which, const std::string& json_path) {
  start_log("warn");
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) fail("needs two cores, there is one");
  pin_to(0);
  init_eal(fmt::format("{}-{}", program.name, getpid()), 4096);
  const double steal = steal_share();
  Json result{{"machine", machine_facts()}};
  for (const Figure& figure : program.figures)
    if (which == "all" || which == figure.name) result[figure.name] = figure.measure();
  result["machine"]["steal_share_change"] = steal_share() - steal;
  if (!json_path.empty()) std::ofstream(json_path) << json_text(result, 2) << "\n";
  return 0;
}

}  // namespace

int run_figures(const FigureProgram& program, int argc, char** argv) {
  cli::Command command(program.name, program.meaning);
  std::string which = "all", json_path;
  std::vector<std::string> names{"all"};
  for (const Figure& figure : program.figures) names.push_back(figure.name);
  MeasureOptions& options = program.options;
  command.positional("figure", which, "all, or one of them").one_of(names);
  command.option("--lives", options.lives, "fresh processes for each row").range(1, 100);
  command.option("--pairs", options.pairs, "pairs of slices in each life").range(1, 1000);
  command.option("--slice", options.slice_s, "length of a slice, s").range(0.01, 10);
  program.more_options(command);
  command.option("--set", options.settings, "run with this setting, NAME=VALUE; may be given again");
  command.option("--json", json_path, "write the figures to this file");
  command.runs([&] { return measure(program, which, json_path); });
  return cli::run_program(command, program.name, argc, argv);
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// roost-first-light: the figures that Roost stands on, each beside its baseline in the same run.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "cli/command.h"
#include "core/log.h"
#include "experiments/first_light/figures.h"
#include "scheduler/packet_pool.h"

namespace {

using namespace roost::experiment;

struct Wanted {
  std::string which = "all", json_path;
  FiguresOptions options;
};

int run(const Wanted& wanted) {
  roost::start_log("warn");
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) roost::fail("needs two cores, there is one");
  pin_to(0);
  roost::init_eal(fmt::format("figures-{}", getpid()), 4096);
  const double steal = steal_share();
  roost::Json result{{"machine", machine_facts()}};
  const auto figure = [&](const char* name, roost::Json (*measure)(const FiguresOptions&)) {
    if (wanted.which == "all" || wanted.which == name) result[name] = measure(wanted.options);
  };
  figure("density", density);
  figure("chains", chains);
  figure("footprint", footprint);
  figure("rest", rest);
  result["machine"]["steal_share_change"] = steal_share() - steal;
  if (!wanted.json_path.empty()) std::ofstream(wanted.json_path) << roost::json_text(result, 2) << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  roost::cli::Command program("roost-first-light",
                              "The figures that Roost stands on, each beside its baseline in the same run");
  Wanted wanted;
  FiguresOptions& options = wanted.options;
  program.positional("figure", wanted.which, "all, density, chains, footprint or rest")
      .one_of({"all", "density", "chains", "footprint", "rest"});
  program.option("--lives", options.lives, "fresh processes for each row").range(1, 100);
  program.option("--pairs", options.pairs, "pairs of slices in each life").range(1, 1000);
  program.option("--slice", options.slice_s, "length of a slice, s").range(0.01, 10);
  program.option("--nfs-max", options.nfs_max, "leave out rows with more NFs than this; 0: none");
  program.option("--nfs-min", options.nfs_min, "leave out rows with fewer NFs than this");
  program.option("--set", options.settings, "run with this setting, NAME=VALUE; may be given again");
  program.option("--json", wanted.json_path, "write the figures to this file");
  program.runs([&wanted] { return run(wanted); });
  try {
    return program.run(argc, argv);
  } catch (const roost::cli::UsageError& error) {
    fmt::print(stderr, "roost-first-light: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "roost-first-light: {}\n", error.what());
    return 1;
  }
}

// SPDX-License-Identifier: BSD-3-Clause
// roost-first-light: the figures that Roost stands on, each beside its baseline in the same run.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "experiments/first_light/figures.h"
#include "scheduler/packet_pool.h"

int main(int argc, char** argv) {
  using namespace roost::experiment;
  CLI::App app{"The figures that Roost stands on, each beside its baseline in the same run"};
  std::string which = "all", json_path;
  FiguresOptions options;
  app.add_option("figure", which, "all, density, chains, footprint or rest")
      ->check(CLI::IsMember({"all", "density", "chains", "footprint", "rest"}));
  app.add_option("--lives", options.lives, "fresh processes for each row")->check(CLI::Range(1, 100));
  app.add_option("--pairs", options.pairs, "pairs of slices in each life")->check(CLI::Range(1, 1000));
  app.add_option("--slice", options.slice_s, "length of a slice, s")->check(CLI::Range(0.01, 10.0));
  app.add_option("--nfs-max", options.nfs_max, "leave out rows with more NFs than this; 0: none");
  app.add_option("--nfs-min", options.nfs_min, "leave out rows with fewer NFs than this");
  app.add_option("--set", options.settings, "run with this setting, NAME=VALUE; may be given again");
  app.add_option("--json", json_path, "write the figures to this file");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::warn);
  try {
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
      fmt::print(stderr, "roost-first-light: needs two cores, there is one\n");
      return 1;
    }
    pin_to(0);
    roost::init_eal(fmt::format("figures-{}", getpid()), 4096);
    const double steal = steal_share();
    roost::Json result{{"machine", machine_facts()}};
    const auto figure = [&](const char* name, roost::Json (*measure)(const FiguresOptions&)) {
      if (which == "all" || which == name) result[name] = measure(options);
    };
    figure("density", density);
    figure("chains", chains);
    figure("footprint", footprint);
    figure("rest", rest);
    result["machine"]["steal_share_change"] = steal_share() - steal;
    if (!json_path.empty()) std::ofstream(json_path) << result.dump(2) << "\n";
  } catch (const std::exception& error) {
    fmt::print(stderr, "roost-first-light: {}\n", error.what());
    return 1;
  }
  return 0;
}

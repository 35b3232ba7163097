// SPDX-License-Identifier: BSD-3-Clause
// roost-first-light: the figures that Roost stands on, each beside its baseline in the same run.
#include "experiments/first_light/figures.h"
#include "experiments/harness/program.h"

int main(int argc, char** argv) {
  using namespace roost::experiment;
  FiguresOptions options;
  return run_figures({"roost-first-light",
                      "The figures that Roost stands on, each beside its baseline in the same run",
                      options,
                      {{"density", [&] { return density(options); }},
                       {"chains", [&] { return chains(options); }},
                       {"footprint", [&] { return footprint(options); }},
                       {"rest", [&] { return rest(options); }}},
                      [&](roost::cli::Command& command) {
                        command.option("--nfs-max", options.nfs_max, "leave out rows with more NFs than this; 0: none");
                        command.option("--nfs-min", options.nfs_min, "leave out rows with fewer NFs than this");
                      }},
                     argc, argv);
}

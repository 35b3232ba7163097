// SPDX-License-Identifier: BSD-3-Clause
// The program around a set of figures: it measures those that are asked for, prints them, and writes them to a file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {

struct Figure {
  std::string name;
  std::function<Json()> measure;
};

struct FigureProgram {
  const char* name;
  const char* meaning;
  MeasureOptions& options;  // filled in from the command line before anything is measured
  std::vector<Figure> figures;
  std::function<void(cli::Command&)> more_options = [](cli::Command&) {};
};

// As main(): the exit status.
int run_figures(const FigureProgram& program, int argc, char** argv);

}  // namespace roost::experiment

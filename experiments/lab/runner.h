// SPDX-License-Identifier: BSD-3-Clause
// Runs an experiment: each life of each row in a process of its own, the rows of one life before those of the next, so
// that what changes with time on the machine is spread over all rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/lab/experiment.h"

namespace roost::experiment {

struct RunOptions {
  TrialOptions trial;
  Scale scale = Scale::quick;
  int lives = 1;
  std::string folder{}, root = "results", resume{};  // `resume`: a folder; its own options count
  std::vector<std::string> only{};                   // KEY=VALUE: the rows with these parameters
  // In the child, before each life.
  std::function<void(const std::string& name)> prepare = [](const std::string&) {};
  // The machine's own limits, in a child, at the start and at the end.
  std::function<Json()> limits = [] { return Json::object(); };
};

const char* scale_name(Scale scale) noexcept;
Scale scale_of(const std::string& name);

enum class RunState { complete, failed, interrupted };

// Where the results are is printed. Throws Error where nothing of the experiment can be run here.
RunState run_experiment(const Experiment& experiment, const RunOptions& options);

// Of a row's parameters; false where the row lacks one of them.
bool matches(const Json& parameters, const std::vector<std::string>& only);

}  // namespace roost::experiment

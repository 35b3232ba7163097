// SPDX-License-Identifier: BSD-3-Clause
// An experiment, as the frame sees it: a question, the rows of a matrix, and how one row is measured. How rows are run,
// repeated, kept and resumed is the frame's (runner.h); what they mean is documented in docs/benchmarking.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/protocol.h"

namespace roost::experiment {

// quick: a few rows, to see that all works. lines: each dimension of the matrix varied alone, around one point. matrix:
// the whole matrix, where one start serves many rows. full: the whole matrix, with a start for each row.
enum class Scale : uint8_t { quick, lines, matrix, full };

struct TrialOptions {
  double slice_s = 0.2, warm_up_s = 0.2;
  int pairs = 5;      // in each life
  uint64_t seed = 1;  // of this life: traffic, and whatever else is taken at random
  std::string capture{};
  std::vector<std::string> settings{};  // NAME=VALUE

  Json json() const;
};

// What one life of one row yields: samples of figures (figures.h), and the books of the managers that ran.
class Life {
 public:
  explicit Life(std::function<void()> check) : check_(std::move(check)) {}

  void add(const std::string& figure, double value) { samples_[figure].push_back(value); }
  // A slice of Roost and one of a baseline right after it: `throughput_pps`, `<baseline>_pps`, `times_<baseline>`.
  void add_pair(const std::string& baseline, double roost_pps, double baseline_pps);
  // As Rig::settle() returns them. Those of several managers add up.
  void add_books(const Json& books);
  // Between slices: throws Interrupted where the user wants to end.
  void check() const { check_(); }

  Json json() const;

 private:
  std::function<void()> check_;
  std::map<std::string, std::vector<double>> samples_;
  std::map<std::string, uint64_t> books_;
};

// What a row may need and a machine may lack.
struct MachineLimits {
  uint32_t cores = 0;
  uint64_t memory_mib = 0;  // free
  uint64_t processes = 0;   // that may be started
};
MachineLimits machine_limits();

// What the scale matrix needs, so that it need not start the same NFs for each row: how rows share starts.
struct SharedStarts {
  // Rows for which this is the same text are measured in one process, one after another. Null: each has its own.
  std::function<std::string(const Json& parameters)> name{};
  // One life of each of these rows; lives[i] is that of rows[i]. Throws Error; all of them have failed then.
  std::function<void(const std::vector<Json>& rows, const TrialOptions&, std::vector<Life>& lives)> measure{};
};

struct Experiment {
  std::string name, question;
  // The parameters of each row: numbers and words.
  std::function<std::vector<Json>(Scale)> rows;
  // Why this row cannot be measured here, or empty.
  std::function<std::string(const Json& parameters, const MachineLimits&, const TrialOptions&)> problem;
  // One life of one row, in a process of its own. Throws Error.
  std::function<void(const Json& parameters, const TrialOptions&, Life&)> measure;
  // What follows from all rows together, such as a front; null: nothing.
  std::function<Json(const Json& rows)> summary = [](const Json&) { return Json(); };
  SharedStarts shared{};
};

// "nfs=100,tier=fiber": one text for the same parameters, in whatever order they were given.
std::string row_name(const Json& parameters);

}  // namespace roost::experiment

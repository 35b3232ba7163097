// SPDX-License-Identifier: BSD-3-Clause
// Two results of the same experiment, row by row and figure by figure: is it a difference, or noise? By a bootstrap
// interval of the ratio of medians (Efron). Lives are drawn first and then samples within them, since samples of one
// process are more alike than those of two.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/protocol.h"

namespace roost::experiment {

using Lives = std::vector<std::vector<double>>;  // samples, by life

struct RatioInterval {
  double ratio = 0, low = 0, high = 0;  // B over A: of the medians, and where it lies with the given confidence
  // The interval leaves 1 out. Never true where a side has one sample only, or where a median is zero.
  bool differs = false;
};

RatioInterval bootstrap_ratio(const Lives& a, const Lives& b, uint64_t seed = 1, int rounds = 2'000,
                              double confidence = 0.95);

struct Difference {
  std::string row, figure;
  RatioInterval interval;
  enum class Verdict { noise, better, worse, other } verdict = Verdict::noise;  // other: neither is better
  bool one_life = false;  // on one side: how much lives differ is not known, and the interval is too narrow
};

// Every figure of every row that both results have. Throws Error where they are not of the same experiment.
std::vector<Difference> compare_results(const Json& a, const Json& b);

const char* verdict_name(Difference::Verdict verdict) noexcept;

}  // namespace roost::experiment

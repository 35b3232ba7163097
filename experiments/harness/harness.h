// SPDX-License-Identifier: BSD-3-Clause
// Measuring in pairs: the thing and its baseline in turn, in short slices, and what is reported of the ratios.
// Method: docs/performance.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/machine.h"
#include "core/protocol.h"

namespace roost::experiment {

struct MeasureOptions {
  int lives = 3;  // fresh processes for each row
  int pairs = 5;  // in each life
  double slice_s = 0.5;
  std::vector<std::string> settings;  // NAME=VALUE
};

struct Spread {
  double median = 0, least = 0, most = 0;
  Json json() const;
};
Spread spread_of(std::vector<double> values);

struct Pairs {
  Spread ratio, thing, baseline;
  Json json() const;
};
// Pairs as they are measured, in however many lives.
class PairSamples {
 public:
  void add(double thing, double baseline);
  Pairs pairs() const { return {spread_of(ratios_), spread_of(things_), spread_of(baselines_)}; }

 private:
  std::vector<double> ratios_, things_, baselines_;
};

// A B A B ...: each function measures one slice and returns a rate. The first pair is warm-up and not counted.
Pairs measure_pairs(int pairs, const std::function<double()>& thing, const std::function<double()>& baseline);

Json machine_facts();
double steal_share();  // of both cores' time since the machine started; differences are what counts

void pin_to(int core);
double seconds_now();
using cli::cpu_seconds_of;

// Fairness of shares: 1 where all are equal, 1/n where one has all (Jain, Chiu, Hawe, DEC TR-301, 1984).
double jain(const std::vector<double>& shares);

}  // namespace roost::experiment

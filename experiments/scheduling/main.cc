// SPDX-License-Identifier: BSD-3-Clause
// roost-scheduling: what the scheduler does for NFs that share a core, each figure beside its baseline in the same run.
#include "experiments/harness/program.h"
#include "experiments/scheduling/figures.h"

int main(int argc, char** argv) {
  using namespace roost::experiment;
  SchedulingOptions options;
  return run_figures({"roost-scheduling",
                      "What the scheduler does for NFs that share a core, beside baselines in the same run",
                      options,
                      {{"fairness", [&] { return fairness(options); }},
                       {"wasted_work", [&] { return wasted_work(options); }},
                       {"process_tier", [&] { return process_tier(options); }},
                       {"wake_latency", [&] { return wake_latency(options); }},
                       {"runaway", [&] { return runaway(options); }},
                       {"decision_cost", [&] { return decision_cost(options); }}}},
                     argc, argv);
}

// SPDX-License-Identifier: BSD-3-Clause
// The figures of the scheduler, each a question that a file of its own answers.
#pragma once

#include "experiments/harness/harness.h"

namespace roost::experiment {

using SchedulingOptions = MeasureOptions;

Json fairness(const SchedulingOptions& options);
Json wasted_work(const SchedulingOptions& options);
Json process_tier(const SchedulingOptions& options);
Json wake_latency(const SchedulingOptions& options);
Json runaway(const SchedulingOptions& options);
Json decision_cost(const SchedulingOptions& options);

}  // namespace roost::experiment

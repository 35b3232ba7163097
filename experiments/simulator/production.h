// SPDX-License-Identifier: BSD-3-Clause
// The schedules that Roost runs with, under the simulator's interfaces: the run order of a worker (round robin, deficit
// round robin) and the queue of a shared core.
#pragma once

#include <string>

#include "experiments/simulator/policies.h"

namespace roost::simulator {

// "rr" or "drr"; "first_come", "least_used" or "priority". Empty: as it is. Throws Error for another.
void use(Policies& policies, const std::string& run_order, const std::string& core_order);

}  // namespace roost::simulator

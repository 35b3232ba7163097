// SPDX-License-Identifier: BSD-3-Clause
// What the machine itself can do, whatever runs on it: measured beside every result, since it changes from minute to
// minute on a shared one.
#pragma once

#include "core/protocol.h"

namespace roost::experiment {

// {cache_line_ns, futex_same_core_us, futex_two_cores_us, work_steps_per_us}: medians of a few short trials each, half
// a second in all. Between CPUs 0 and 1.
Json measure_limits();

}  // namespace roost::experiment

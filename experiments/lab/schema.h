// SPDX-License-Identifier: BSD-3-Clause
// What a result.json must be like: docs/benchmarking.md describes the format, this checks it.
#pragma once

#include <string>
#include <vector>

#include "core/protocol.h"

namespace roost::experiment {

inline constexpr int kResultSchema = 1;

// All that is wrong with it, one a line of where and what; empty: it is a result. Books that don't balance are wrong.
std::vector<std::string> result_faults(const Json& result);

}  // namespace roost::experiment

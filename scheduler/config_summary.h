// SPDX-License-Identifier: BSD-3-Clause
// What a configuration would start, and whether this machine has what it names.
#pragma once

#include "core/protocol.h"
#include "scheduler/config.h"

namespace roost {

// Looks at what ports name (captures are read whole, interfaces are looked for) and opens nothing else. Throws Error
// with all problems, one a line.
void check_machine(const ManagerConfig& config);

Json summary_of(const ManagerConfig& config);

}  // namespace roost

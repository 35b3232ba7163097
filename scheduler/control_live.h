// SPDX-License-Identifier: BSD-3-Clause
// Operators' methods that change a manager under traffic, and tell what it has: scale, upgrade, chains, ports, totals,
// events.
#pragma once

#include <optional>
#include <string>

#include "core/protocol.h"
#include "scheduler/manager.h"

namespace roost {

// Nothing: no method of these is called that. Throws BadParameters and Error.
std::optional<Json> perform_live(Manager& manager, const std::string& method, const Json& parameters);

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a module file says of itself.
#pragma once

#include <string>

#include "core/protocol.h"

namespace roost {

// Loads the module, as a host would, and so runs its initialisers. Throws Error where a host would refuse it.
Json describe_module(const std::string& path);

}  // namespace roost

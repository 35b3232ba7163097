// SPDX-License-Identifier: BSD-3-Clause
// An NF's configuration as it stands on a command line.
#pragma once

#include <string>

#include "core/protocol.h"

namespace roost::cli {

// A JSON object, or @FILE with one in it. Throws UsageError.
Json parse_nf_config(const std::string& option);

}  // namespace roost::cli

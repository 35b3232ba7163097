// SPDX-License-Identifier: BSD-3-Clause
// A capture at another pace: the same frames, nearer to each other or further apart.
#pragma once

#include <string>

namespace roost::cli {

// Writes the capture `from` (classic pcap, Ethernet) to `to`, with all times divided by `speed`. Throws Error.
void write_scaled(const std::string& from, const std::string& to, double speed);

}  // namespace roost::cli

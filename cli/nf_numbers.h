// SPDX-License-Identifier: BSD-3-Clause
// NFs as an operator names them: "7", and ranges such as "7-12".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace roost::cli {

// Throws UsageError, in the name of that command; what helps where there are too many is the remedy.
std::vector<uint32_t> nf_numbers(const std::string& command, const std::vector<std::string>& words,
                                 const std::string& remedy);

}  // namespace roost::cli

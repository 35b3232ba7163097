// SPDX-License-Identifier: BSD-3-Clause
// NFs and rules as operators name them: numbers, and ranges of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roost::cli {

// Of words such as "7" and "7-12". Throws UsageError, which names the command and, for too many, another way to say it.
std::vector<uint32_t> numbers_of(std::string_view command, const std::vector<std::string>& words,
                                 std::string_view instead, std::string_view kind = "NF");

}  // namespace roost::cli

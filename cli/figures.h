// SPDX-License-Identifier: BSD-3-Clause
// Figures as people read them, and fields of answers that may lack them.
#pragma once

#include <cstdint>
#include <string>

#include "core/protocol.h"

namespace roost::cli {

std::string grouped(uint64_t value);   // 1234567 -> "1,234,567"
std::string rounded(double value);     // three figures: "0.123", "12.3", "1,234"
std::string bytes_text(double bytes);  // "512 B", "10.3 KiB"

// A number of an answer; 0 where it isn't there or isn't one.
uint64_t count_of(const Json& object, const char* name);
double number_of(const Json& object, const char* name);
// Any field as text; empty where it isn't there.
std::string text_of(const Json& object, const char* name);
// A list or object of an answer, empty where it isn't there.
const Json& part_of(const Json& object, const char* name);
uint64_t sum_of(const Json& object);

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// Small helpers for messages to people.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace roost {

// The candidate nearest to `word` by edit distance, empty where none is near: for "did you mean".
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace roost

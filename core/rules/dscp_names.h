// SPDX-License-Identifier: BSD-3-Clause
// The names of DSCP values (RFC 2474, 2597, 3246, 8622).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace roost {

inline constexpr std::pair<std::string_view, uint8_t> kDscpNames[] = {
    {"cs0", 0},   {"le", 1},    {"cs1", 8},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"cs2", 16}, {"af21", 18},
    {"af22", 20}, {"af23", 22}, {"cs3", 24}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"cs4", 32}, {"af41", 34},
    {"af42", 36}, {"af43", 38}, {"cs5", 40}, {"va", 44},   {"ef", 46},   {"cs6", 48},  {"cs7", 56}};

constexpr std::optional<uint8_t> dscp_of(std::string_view name) noexcept {
  for (const auto& [each, value] : kDscpNames)
    if (each == name) return value;
  return std::nullopt;
}

}  // namespace roost

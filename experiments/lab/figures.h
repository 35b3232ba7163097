// SPDX-License-Identifier: BSD-3-Clause
// Every figure that a result may hold: its unit, whether more of it is better, and what it means. docs/benchmarking.md
// lists the same.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace roost::experiment {

enum class Better : int8_t { less = -1, neither = 0, more = 1 };

struct FigureSpec {
  std::string_view name, unit;
  Better better;
  std::string_view meaning;
};

std::span<const FigureSpec> figure_specs() noexcept;
const FigureSpec* find_figure(std::string_view name) noexcept;  // null: there is none

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
// Tables that fit the terminal: text on the left, numbers on the right; where it is too narrow, the longest texts are
// cut short, and then columns are left out from the right (a last line says which).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace roost::cli {

// Columns of the terminal that standard output is; without one nothing is cut.
size_t terminal_width();

// A manager's words on a user's terminal: control characters, which could steer it, become '?'.
std::string printable(std::string_view text);

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells are empty.
  void add(std::vector<std::string> cells);
  size_t size() const noexcept { return rows_.size(); }
  std::string text(size_t width_max = terminal_width()) const;

 private:
  using Widths = std::vector<size_t>;  // of the columns; 0: left out

  // Of as many columns as fit. The first column stays.
  Widths fit(size_t width_max) const;
  // False: all texts are as short as they may get.
  bool shorten_longest(Widths& widths) const;
  void append_row(std::string& out, const std::vector<std::string>& cells, const Widths& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace roost::cli {
namespace {

constexpr size_t kGap = 2, kTextLeast = 6;

bool starts_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
size_t length(std::string_view text) {  // in characters of UTF-8
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}
std::string cut(const std::string& text, size_t width) {
  if (length(text) <= width) return text;
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end)
    if (starts_character(text[end]) && ++seen == width) break;
  return text.substr(0, end) + "…";
}

size_t total(const std::vector<size_t>& widths) {
  size_t sum = 0;
  for (const size_t width : widths) sum += width == 0 ? 0 : width + (sum == 0 ? 0 : kGap);
  return sum;
}

}  // namespace

size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
    return size.ws_col;
  return SIZE_MAX;
}

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return clean;
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (auto& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(size_t width_max) const {
  const auto widths = fit(width_max);
  std::string out, left_out;
  std::vector<std::string> titles;
  for (const auto& column : columns_) titles.push_back(column.title);
  append_row(out, titles, widths);
  for (const auto& row : rows_) append_row(out, row, widths);
  for (size_t i = 0; i < columns_.size(); ++i)
    if (widths[i] == 0) left_out += (left_out.empty() ? "" : ", ") + columns_[i].title;
  if (!left_out.empty()) out += "(too narrow for: " + left_out + ")\n";
  return out;
}

Table::Widths Table::fit(size_t width_max) const {
  Widths natural;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = std::max<size_t>(1, length(columns_[i].title));
    for (const auto& row : rows_) width = std::max(width, length(row[i]));
    natural.push_back(width);
  }
  for (size_t kept = columns_.size();; --kept) {
    Widths widths = natural;
    std::fill(widths.begin() + static_cast<std::ptrdiff_t>(kept), widths.end(), 0);
    while (total(widths) > width_max && shorten_longest(widths)) continue;
    if (total(widths) <= width_max || kept <= 1) return widths;
  }
}

bool Table::shorten_longest(Widths& widths) const {
  size_t longest = columns_.size();
  for (size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].align == Align::left && widths[i] > std::max(kTextLeast, length(columns_[i].title)) &&
        (longest == columns_.size() || widths[i] > widths[longest]))
      longest = i;
  if (longest == columns_.size()) return false;
  --widths[longest];
  return true;
}

void Table::append_row(std::string& out, const std::vector<std::string>& cells, const Widths& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (widths[i] == 0) continue;
    if (i != 0) line.append(kGap, ' ');
    const std::string cell = cut(cells[i], widths[i]);
    const std::string fill(widths[i] - length(cell), ' ');
    line += columns_[i].align == Align::right ? fill + cell : cell + fill;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace roost::cli

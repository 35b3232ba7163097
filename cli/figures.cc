// SPDX-License-Identifier: BSD-3-Clause
#include "cli/figures.h"

#include <fmt/format.h>

#include <algorithm>

namespace roost::cli {

std::string grouped(uint64_t value) {
  const std::string digits = fmt::format("{}", value);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string rounded(double value) {
  if (!(value >= 0)) return "-";
  if (value >= 100) return value < 1e18 ? grouped(static_cast<uint64_t>(value + 0.5)) : fmt::format("{:.3g}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string bytes_text(double bytes) {
  if (bytes < 0) return fmt::format("-{}", bytes_text(-bytes));
  if (bytes < 10'240) return fmt::format("{:.0f} B", bytes);
  if (bytes < 10.0 * (1 << 20)) return fmt::format("{:.1f} KiB", bytes / 1024);
  return fmt::format("{:.1f} MiB", bytes / (1 << 20));
}

uint64_t count_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_number()) return 0;
  return found->is_number_unsigned() ? found->get<uint64_t>()
                                     : static_cast<uint64_t>(std::max(0.0, found->get<double>()));
}

double number_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : 0.0;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : json_text(*found);
}

const Json& part_of(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_structured() ? *found : none;
}

uint64_t sum_of(const Json& object) {
  uint64_t sum = 0;
  for (const auto& value : object)
    if (value.is_number_integer() && value >= 0) sum += value.get<uint64_t>();
  return sum;
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/config_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "core/error.h"
#include "core/text.h"

namespace roost {
namespace {

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

}  // namespace

void ConfigProblems::raise() {
  if (found_.empty()) return;
  std::stable_sort(found_.begin(), found_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  std::string all = found_.size() == 1 ? "" : fmt::format("{} problems in the configuration:\n", found_.size());
  for (size_t i = 0; i < found_.size(); ++i) {
    const Problem& problem = found_[i];
    all += fmt::format("{}{}:{}:{}: {}", i == 0 ? "" : "\n", origin_, problem.line, problem.column, problem.text);
  }
  throw Error(all);
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view nearest = nearest_word(word, candidates);
  if (!nearest.empty()) return fmt::format("; did you mean '{}'?", nearest);
  if (candidates.empty()) return "; there are none yet";
  return fmt::format("; use one of: {}", fmt::join(candidates, ", "));
}

const toml::node* TableReader::look_up(std::string_view key) {
  asked_.push_back(key);
  return table_.get(key);
}

void TableReader::wrong_kind(std::string_view key, const toml::node& node, std::string_view wanted) {
  problems_.add(node.source(), "{}: '{}' is {}; give {}", name_, key, kind_of(node), wanted);
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) {
    wrong_kind(key, *node, "a text in quotes");
    return std::nullopt;
  }
  if (value->get().find('\0') != std::string::npos) {
    problems_.add(node->source(), "{}: '{}' has a NUL character in it; leave it out", name_, key);
    return std::nullopt;
  }
  return value->get();
}

std::optional<std::string> TableReader::either(std::string_view key) {
  const toml::node* node = table_.get(key);
  if (node == nullptr || !node->is_integer()) return text(key);
  asked_.push_back(key);
  return fmt::to_string(node->as_integer()->get());
}

std::optional<bool> TableReader::flag(std::string_view key) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* value = node->as_boolean()) return value->get();
  wrong_kind(key, *node, "true or false");
  return std::nullopt;
}

std::optional<double> TableReader::real(std::string_view key, double least, double most) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) {
    wrong_kind(key, *node, "a number");
    return std::nullopt;
  }
  if (*value >= least && *value <= most) return value;
  problems_.add(node->source(), "{}: {} = {} is out of range; use {} to {}", name_, key, *value, least, most);
  return std::nullopt;
}

std::optional<int64_t> TableReader::integer(std::string_view key, int64_t least, int64_t most) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    wrong_kind(key, *node, "a whole number");
    return std::nullopt;
  }
  if (value->get() >= least && value->get() <= most) return value->get();
  problems_.add(node->source(), "{}: {} = {} is out of range; use {} to {}", name_, key, value->get(), least, most);
  return std::nullopt;
}

std::optional<size_t> TableReader::choice(std::string_view key, std::span<const std::string_view> names) {
  const auto word = text(key);
  if (!word) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *word);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  problems_.add(where(key), "{}: {} = \"{}\" isn't known{}", name_, key, *word, suggestion(*word, names));
  return std::nullopt;
}

const toml::table* TableReader::table(std::string_view key) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return nullptr;
  if (node->is_table()) return node->as_table();
  wrong_kind(key, *node, fmt::format("a table, [{}]", key));
  return nullptr;
}

std::vector<const toml::table*> TableReader::tables(std::string_view key) {
  std::vector<const toml::table*> result;
  const toml::node* node = look_up(key);
  if (node == nullptr) return result;
  const auto wanted = fmt::format("tables, each beginning with [[{}]]", key);
  if (!node->is_array()) {
    wrong_kind(key, *node, wanted);
    return result;
  }
  for (const toml::node& item : *node->as_array()) {
    if (item.is_table()) {
      result.push_back(item.as_table());
    } else {
      wrong_kind(key, item, wanted);
    }
  }
  return result;
}

const toml::array* TableReader::array(std::string_view key) {
  const toml::node* node = look_up(key);
  if (node == nullptr) return nullptr;
  if (node->is_array()) return node->as_array();
  wrong_kind(key, *node, "a list in [ ]");
  return nullptr;
}

void TableReader::finish() {
  for (const auto& [key, node] : table_) {
    if (std::find(asked_.begin(), asked_.end(), key.str()) != asked_.end()) continue;
    problems_.add(key.source(), "{}: '{}' isn't a key here{}", name_, key.str(), suggestion(key.str(), asked_));
  }
}

const toml::source_region& TableReader::where(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? table_.source() : node->source();
}

}  // namespace roost

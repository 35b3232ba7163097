// SPDX-License-Identifier: BSD-3-Clause
// Reads TOML tables key by key. Problems are collected, not thrown, so that all of them can be told at once; what
// could not be read gets its default. A key that nobody asked for is a problem too.
#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roost {

class ConfigProblems {
 public:
  explicit ConfigProblems(std::string_view origin) : origin_(origin) {}

  template <typename... Args>
  void add(const toml::source_region& at, fmt::format_string<Args...> format, Args&&... args) {
    found_.push_back({at.begin.line, at.begin.column, fmt::format(format, std::forward<Args>(args)...)});
  }
  // Throws Error with all of them in the file's order, if there are any.
  void raise();
  bool none() const noexcept { return found_.empty(); }

 private:
  struct Problem {
    uint32_t line;
    uint32_t column;
    std::string text;
  };
  std::string origin_;
  std::vector<Problem> found_;
};

// "; did you mean 'x'?", or "; use one of: ..." where nothing is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

class TableReader {
 public:
  // `name` is for messages: "[memory]", "port 'in0'". The table must outlive the reader.
  TableReader(const toml::table& table, std::string name, ConfigProblems& problems)
      : table_(table), name_(std::move(name)), problems_(problems) {}

  // The key's value, or nothing where it is absent or of another kind (the latter is a problem).
  std::optional<std::string> text(std::string_view key);
  std::optional<std::string> either(std::string_view key);  // a text, or a whole number written out
  std::optional<bool> flag(std::string_view key);
  std::optional<double> real(std::string_view key, double least, double most);
  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most);
  // Index into `names`.
  std::optional<size_t> choice(std::string_view key, std::span<const std::string_view> names);
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);
  const toml::array* array(std::string_view key);

  // As integer(), into a field that keeps its default otherwise.
  template <typename Number>
  void into(Number& field, std::string_view key, int64_t least, int64_t most) {
    if (const auto value = integer(key, least, most)) field = static_cast<Number>(*value);
  }

  // Call last: reports the keys that were not asked for.
  void finish();

  // Where the key's value stands; where the table does if there is none.
  const toml::source_region& where(std::string_view key) const;
  const toml::source_region& where() const { return table_.source(); }
  bool has(std::string_view key) const { return table_.contains(key); }
  bool is_list(std::string_view key) const { return table_[key].is_array(); }
  const std::string& name() const noexcept { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  ConfigProblems& problems() noexcept { return problems_; }

 private:
  const toml::node* look_up(std::string_view key);
  void wrong_kind(std::string_view key, const toml::node& node, std::string_view wanted);

  const toml::table& table_;
  std::string name_;
  ConfigProblems& problems_;
  std::vector<std::string_view> asked_;
};

}  // namespace roost

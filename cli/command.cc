// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <string_view>

#include "core/text.h"

namespace roost::cli {

struct Option::Kinds {
  template <typename T>
  static constexpr Kind of(const T&) noexcept {
    if constexpr (std::unsigned_integral<T>) return Kind::count;
    if constexpr (std::signed_integral<T>) return Kind::integer;
    return std::floating_point<T> ? Kind::real : Kind::text;
  }
  template <typename T>
  static constexpr Kind of(const std::vector<T>&) noexcept {
    return of(T());
  }
};

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::range(double least, double most) {
  switch (kind_) {
    case Kind::integer:
      option_->check(CLI::Range(static_cast<int64_t>(least), static_cast<int64_t>(most)));
      break;
    case Kind::count:
      option_->check(CLI::Range(static_cast<uint64_t>(least), static_cast<uint64_t>(most)));
      break;
    case Kind::real:
      option_->check(CLI::Range(least, most));
      break;
    case Kind::text:
      fail("option '{}': a text has no range", option_->get_name());
  }
  return *this;
}

Option& Option::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(words));
  command_->words_[option_] = std::move(words);
  return *this;
}

Option& Option::shows_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::value_optional(const std::string& shown) {
  option_->expected(0, 1)->type_name("[" + shown + "]");
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

bool Option::given() const { return option_->count() != 0; }

Command::Command(const std::string& name, const std::string& meaning)
    : program_(std::make_unique<CLI::App>(meaning, name)), app_(program_.get()) {}

Command::Command(CLI::App* app) : app_(app) {}

Command::~Command() = default;

Command& Command::add(const std::string& name, const std::string& meaning) {
  app_->require_subcommand(1);
  commands_.emplace_back(new Command(app_->add_subcommand(name, meaning)));
  return *commands_.back();
}

template <OptionValue T>
Option Command::option(const std::string& name, T& value, const std::string& meaning) {
  CLI::Option* const made = app_->add_option(name, value, meaning);
  const Option::Kind kind = Option::Kinds::of(value);
  // CLI11 takes -1 as the largest number.
  if (kind == Option::Kind::count)
    made->check([](const std::string& text) { return text.starts_with('-') ? text + " is negative" : std::string(); });
  return Option(*this, made, kind);
}

// CLI11 tells the two apart by the dashes.
template <OptionValue T>
Option Command::positional(const std::string& name, T& value, const std::string& meaning) {
  return option(name, value, meaning);
}

Option Command::flag(const std::string& name, bool& value, const std::string& meaning) {
  return Option(*this, app_->add_flag(name, value, meaning), Option::Kind::text);
}

#define ROOST_OPTION_OF(T)                                                     \
  template Option Command::option(const std::string&, T&, const std::string&); \
  template Option Command::positional(const std::string&, T&, const std::string&)
ROOST_OPTION_OF(std::string);
ROOST_OPTION_OF(int);
ROOST_OPTION_OF(int64_t);
ROOST_OPTION_OF(uint16_t);
ROOST_OPTION_OF(uint32_t);
ROOST_OPTION_OF(uint64_t);
ROOST_OPTION_OF(double);
ROOST_OPTION_OF(std::vector<std::string>);
ROOST_OPTION_OF(std::vector<uint32_t>);
ROOST_OPTION_OF(std::vector<double>);
#undef ROOST_OPTION_OF

void Command::examples(const std::string& text) { app_->footer("\nExamples:\n" + text); }

const Command* Command::below(const std::string& name) const {
  for (const auto& command : commands_)
    if (command->app_->get_name() == name) return command.get();
  return nullptr;
}

std::string Command::path() const {
  const CLI::App* above = app_->get_parent();
  std::string path = app_->get_name();
  for (; above != nullptr; above = above->get_parent()) path = above->get_name() + " " + path;
  return path;
}

// CLI11 only says that something is superfluous; a mistyped command deserves a suggestion.
void Command::check_names(int argc, const char* const* argv) const {
  const Command* at = this;
  for (int i = 1; i < argc && !at->commands_.empty() && argv[i][0] != '-'; ++i) {
    if (const Command* next = at->below(argv[i])) {
      at = next;
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& command : at->commands_) names.push_back(command->app_->get_name());
    const auto nearest = nearest_word(argv[i], names);
    throw UsageError(fmt::format("there is no command '{}'; {}", argv[i],
                                 nearest.empty() ? fmt::format("'{} --help' lists them", at->path())
                                                 : fmt::format("did you mean '{}'?", nearest)));
  }
}

const Command& Command::chosen() const {
  for (const auto& command : commands_)
    if (command->app_->parsed()) return command->chosen();
  return *this;
}

int Command::run(int argc, const char* const* argv) {
  check_names(argc, argv);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);  // --help
    throw UsageError(fmt::format("{}; see '{} --help'", error.what(), chosen().path()));
  }
  return chosen().action_();
}

std::vector<Command::Word> Command::completions(const std::vector<std::string>& words) const {
  const Command* at = this;
  const CLI::Option* before = nullptr;  // the option whose value the last word may be
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    before = words[i].starts_with("--") ? at->app_->get_option_no_throw(words[i]) : nullptr;
    if (const Command* next = at->below(words[i])) at = next;
  }
  std::vector<Word> found;
  const std::string_view begun = words.empty() ? std::string_view() : words.back();
  const auto offer = [&](const std::string& text, const std::string& meaning) {
    if (text.starts_with(begun)) found.push_back({text, meaning});
  };
  if (before != nullptr && before->get_expected_min() > 0) {
    if (const auto known = at->words_.find(before); known != at->words_.end())
      for (const auto& word : known->second) offer(word, "");
    return found;
  }
  for (const auto& command : at->commands_) offer(command->app_->get_name(), command->app_->get_description());
  for (const CLI::Option* option : at->app_->get_options()) {
    if (!option->get_positional()) {
      offer("--" + option->get_lnames().at(0), option->get_description());
    } else if (const auto known = at->words_.find(option); known != at->words_.end()) {
      for (const auto& word : known->second) offer(word, "");
    }
  }
  return found;
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// A program's command line: commands, commands below commands, their options, and what each of them runs. A face on
// CLI11, whose header is so heavy that only command.cc includes it.
//
//   Command& add = chain.add("add", "declare a chain");
//   auto& options = add.keep<AddOptions>();
//   add.positional("name", options.name, "of the new chain").required();
//   add.option("--weight", options.weight, "its share").range(1, 1'000).shows_default();
//   add.examples("  roost chain add web --weight 10");
//   add.runs([&options] { return add_chain(options); });
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace roost::cli {

// What the command line says wrongly. Programs end with 2 then.
class UsageError : public Error {
 public:
  using Error::Error;
};

template <typename T, typename... Kinds>
concept OneOf = (std::same_as<T, Kinds> || ...);
// What an option's value can be. Whole numbers, and their lists, refuse what does not fit.
template <typename T>
concept OptionValue = OneOf<T, std::string, int, int64_t, uint16_t, uint32_t, uint64_t, double,
                            std::vector<std::string>, std::vector<uint32_t>, std::vector<double>>;

class Command;

// One option, flag or positional, to say more about it. Lives as long as its command; copies are the same option.
class Option {
 public:
  Option& required();
  Option& range(double least, double most);          // of a number, or of each number of a list
  Option& one_of(std::vector<std::string> words);    // also what completion offers
  Option& shows_default();                           // its variable's value at this moment, in the help
  Option& value_optional(const std::string& shown);  // "--watch" without a value too; how the help writes the value
  Option& excludes(const Option& other);             // not both
  bool given() const;                                // once the command runs

 private:
  friend class Command;
  enum class Kind { text, integer, count, real };
  struct Kinds;
  Option(Command& command, CLI::Option* option, Kind kind) : command_(&command), option_(option), kind_(kind) {}

  Command* command_;
  CLI::Option* option_;
  Kind kind_;
};

class Command {
 public:
  // A program. Its commands and options are added to it, and then run() reads them.
  Command(const std::string& name, const std::string& meaning);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // A command below this one, which lives as long as this one. One with commands below it runs nothing itself.
  Command& add(const std::string& name, const std::string& meaning);

  // `name` begins with "--". The variable must outlive the command: see keep().
  template <OptionValue T>
  Option option(const std::string& name, T& value, const std::string& meaning);
  Option flag(const std::string& name, bool& value, const std::string& meaning);
  // Taken by its place; a list takes all that are left.
  template <OptionValue T>
  Option positional(const std::string& name, T& value, const std::string& meaning);

  // Below the help: lines of examples, each indented by two spaces, and whatever else is good to know.
  void examples(const std::string& text);
  // What it does once all of the command line is read; what it returns is what the program ends with.
  void runs(std::function<int()> action) { action_ = std::move(action); }

  // A place for the variables of its options, which lives as long as the command.
  template <typename T>
  T& keep() {
    auto kept = std::make_shared<T>();
    kept_.push_back(kept);
    return *kept;
  }

  // Of a program: reads the command line and runs what it names. 0 after a --help. Throws UsageError, and what the
  // command throws.
  int run(int argc, const char* const* argv);

  struct Word {
    std::string text, meaning;
  };
  // Of a program: what may stand where the last of these words (maybe empty) does, the words before it being there
  // already: commands, options, or the words that an option takes. Nothing: anything may.
  std::vector<Word> completions(const std::vector<std::string>& words) const;

 private:
  friend class Option;
  explicit Command(CLI::App* app);
  void check_names(int argc, const char* const* argv) const;
  const Command* below(const std::string& name) const;
  const Command& chosen() const;  // the innermost that the command line named
  std::string path() const;       // "roost chain add"

  std::unique_ptr<CLI::App> program_;  // null below the program
  CLI::App* app_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::vector<std::shared_ptr<void>> kept_;
  std::map<const CLI::Option*, std::vector<std::string>> words_;  // of one_of()
  std::function<int()> action_;
};

}  // namespace roost::cli

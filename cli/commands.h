// SPDX-License-Identifier: BSD-3-Clause
// The commands of `roost`, a file each. add_<command>() declares its options; what shall run is left in
// Invocation::run, for main() to call once the whole command line is parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/client.h"
#include "core/protocol.h"

namespace roost::cli {

enum ExitCode : int { kFine = 0, kFailed = 1, kUsage = 2, kNoManager = 3 };

// What the command line says wrongly, found after parsing.
class UsageError : public Error {
 public:
  using Error::Error;
};

struct Invocation {
  std::string socket;  // empty: the default
  bool json = false;
  std::function<int()> run;

  std::string socket_path() const;
  Client connect() const { return Client(socket_path()); }
  // Prints an answer as JSON if asked to; true then.
  bool printed_as_json(const Json& answer) const;
};

// A command with --socket, --json, examples below its help, and what it does.
CLI::App* add_command(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& meaning,
                      const std::string& examples);

void add_up(CLI::App& app, Invocation& invocation);
void add_down(CLI::App& app, Invocation& invocation);
void add_spawn(CLI::App& app, Invocation& invocation);
void add_ps(CLI::App& app, Invocation& invocation);
void add_stop(CLI::App& app, Invocation& invocation);
void add_get(CLI::App& app, Invocation& invocation);
void add_set(CLI::App& app, Invocation& invocation);
void add_stats(CLI::App& app, Invocation& invocation);
void add_version(CLI::App& app, Invocation& invocation);
void add_demo(CLI::App& app, Invocation& invocation);

}  // namespace roost::cli

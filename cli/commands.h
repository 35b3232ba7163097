// SPDX-License-Identifier: BSD-3-Clause
// The commands of `roost`, a file each. add_<command>() declares its options and what it runs.
#pragma once

#include <string>

#include "cli/client.h"
#include "cli/command.h"
#include "core/protocol.h"

namespace roost::cli {

// `roost --help` names them.
enum ExitCode : int { kFine = 0, kFailed = 1, kUsage = 2, kNoManager = 3 };

// What commands share: how to reach the manager, and in which form to print.
struct Invocation {
  std::string socket;  // empty: the default
  bool json = false;

  std::string socket_path() const;
  Client connect() const { return Client(socket_path()); }
  // Prints an answer as JSON if asked to; true then.
  bool printed_as_json(const Json& answer) const;
};

// A command with --socket and examples below its help.
Command& add_command(Command& program, Invocation& invocation, const std::string& name, const std::string& meaning,
                     const std::string& examples);
// The flag behind all others.
void add_json_flag(Command& command, Invocation& invocation, const std::string& meaning = "print JSON");

void add_up(Command& program, Invocation& invocation);
void add_down(Command& program, Invocation& invocation);
void add_spawn(Command& program, Invocation& invocation);
void add_ps(Command& program, Invocation& invocation);
void add_stop(Command& program, Invocation& invocation);
void add_resume(Command& program, Invocation& invocation);
void add_rule(Command& program, Invocation& invocation);
void add_tell(Command& program, Invocation& invocation);
void add_get(Command& program, Invocation& invocation);
void add_set(Command& program, Invocation& invocation);
void add_stats(Command& program, Invocation& invocation);
void add_tune(Command& program, Invocation& invocation);
void add_version(Command& program, Invocation& invocation);
void add_demo(Command& program, Invocation& invocation);
void add_scale(Command& program, Invocation& invocation);
void add_upgrade(Command& program, Invocation& invocation);
void add_chain(Command& program, Invocation& invocation);
void add_port(Command& program, Invocation& invocation);
void add_events(Command& program, Invocation& invocation);
void add_try(Command& program, Invocation& invocation);
void add_describe(Command& program, Invocation& invocation);
void add_check(Command& program, Invocation& invocation);
void add_completion(Command& program, Invocation& invocation);

}  // namespace roost::cli

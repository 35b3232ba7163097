// SPDX-License-Identifier: BSD-3-Clause
// roost up: starts a manager in the background, and returns once it answers.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/example_config.h"
#include "cli/manager_process.h"
#include "cli/modules.h"

namespace roost::cli {
namespace {

struct UpOptions {
  std::string config, log;
  bool print_config = false;
};

int up(const UpOptions& options, const Invocation& invocation) {
  if (options.print_config) {
    fmt::print("{}", example_config({}));
    return kFine;
  }
  ManagerOptions manager;
  manager.program = program_folder() / "roostd";
  manager.socket = std::filesystem::absolute(invocation.socket_path());
  manager.config_path = options.config;
  if (options.config.empty()) manager.config_text = example_config({});
  manager.log =
      options.log.empty() ? std::filesystem::path(manager.socket).replace_extension(".log").string() : options.log;
  manager.outlives_us = true;
  try {
    const Client there(manager.socket);
    fail("socket '{}': a manager (process {}) runs there already; 'roost down' ends it", manager.socket,
         there.manager_pid());
  } catch (const NoManager&) {  // as it should be
  }
  ManagerProcess process(manager);
  try {
    process.wait_until_ready(-1);
  } catch (const Error& error) {
    fail("{}{}", error.what(), process.last_words());
  }
  if (invocation.printed_as_json({{"pid", process.pid()}, {"socket", manager.socket}, {"log", manager.log}}))
    return kFine;
  fmt::print("manager {} answers at {}\nlog: {}\n", process.pid(), manager.socket, manager.log);
  if (options.config.empty())
    fmt::print("no --config: it runs the built-in example; 'roost up --print-config' shows it\n");
  return kFine;
}

}  // namespace

void add_up(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "up", "start a manager in the background",
                                 "  roost up\n"
                                 "  roost up --print-config > my.toml\n"
                                 "  roost up --config my.toml --socket /run/roost-lab.sock");
  auto& options = command.keep<UpOptions>();
  command.option("--config", options.config, "configuration (default: a built-in example)");
  command.option("--log", options.log, "the manager's log (default: beside the socket)");
  command.flag("--print-config", options.print_config, "print the built-in example and start nothing");
  add_json_flag(command, invocation);
  command.runs([&] { return up(options, invocation); });
}

}  // namespace roost::cli

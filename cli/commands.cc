// SPDX-License-Identifier: BSD-3-Clause
#include "cli/commands.h"

#include <fmt/format.h>

#include "core/default_socket.h"

namespace roost::cli {

std::string Invocation::socket_path() const { return socket.empty() ? default_socket() : socket; }

bool Invocation::printed_as_json(const Json& answer) const {
  if (json) fmt::print("{}\n", json_text(answer, 2));
  return json;
}

Command& add_command(Command& program, Invocation& invocation, const std::string& name, const std::string& meaning,
                     const std::string& examples) {
  Command& command = program.add(name, meaning);
  command.examples(examples);
  command.option("--socket", invocation.socket,
                 "the manager's socket (default: $ROOST_SOCKET, $XDG_RUNTIME_DIR/roost.sock, /run/roost.sock)");
  return command;
}

void add_json_flag(Command& command, Invocation& invocation, const std::string& meaning) {
  command.flag("--json", invocation.json, meaning);
}

}  // namespace roost::cli

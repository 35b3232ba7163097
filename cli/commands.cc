// SPDX-License-Identifier: BSD-3-Clause
#include "cli/commands.h"

#include <fmt/format.h>

#include "core/default_socket.h"

namespace roost::cli {

std::string Invocation::socket_path() const { return socket.empty() ? default_socket() : socket; }

bool Invocation::printed_as_json(const Json& answer) const {
  if (json) fmt::print("{}\n", answer.dump(2, ' ', false, Json::error_handler_t::replace));
  return json;
}

CLI::App* add_command(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& meaning,
                      const std::string& examples) {
  CLI::App* command = app.add_subcommand(name, meaning);
  command->footer("\nExamples:\n" + examples);
  command->add_option("--socket", invocation.socket,
                      "the manager's socket (default: $ROOST_SOCKET, $XDG_RUNTIME_DIR/roost.sock, /run/roost.sock)");
  return command;
}

}  // namespace roost::cli

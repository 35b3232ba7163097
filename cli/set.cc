// SPDX-License-Identifier: BSD-3-Clause
// roost set: changes a setting of the running manager.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"

namespace roost::cli {
namespace {

struct SetOptions {
  std::string name;
  uint64_t value = 0;
};

int set(const SetOptions& options, const Invocation& invocation) {
  const Json answer = invocation.connect().call("set", {{"name", options.name}, {"value", options.value}});
  if (invocation.printed_as_json(answer)) return kFine;
  fmt::print("{} is {} (was {})\n", text_of(answer, "name"), text_of(answer, "value"), text_of(answer, "was"));
  return kFine;
}

}  // namespace

void add_set(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "set", "change a setting while the manager runs",
                                 "  roost set wake_packets 32\n"
                                 "'roost get' lists the settings, their units and ranges.");
  auto& options = command.keep<SetOptions>();
  command.positional("name", options.name, "the setting").required();
  command.positional("value", options.value, "its new value").required();
  add_json_flag(command, invocation);
  command.runs([&] { return set(options, invocation); });
}

}  // namespace roost::cli

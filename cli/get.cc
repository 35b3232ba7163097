// SPDX-License-Identifier: BSD-3-Clause
// roost get: the settings of the running manager, with unit, range, standard value and meaning.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

int get(const std::string& name, const Invocation& invocation) {
  const Json parameters = name.empty() ? Json::object() : Json{{"name", name}};
  const Json answer = invocation.connect().call("get", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  constexpr auto kRight = Table::Align::right;
  Table table({{"SETTING"}, {"VALUE", kRight}, {"UNIT"}, {"STANDARD", kRight}, {"RANGE", kRight}, {"MEANING"}});
  for (const Json& setting : part_of(answer, "settings"))
    table.add({text_of(setting, "name"), text_of(setting, "value"), text_of(setting, "unit"),
               text_of(setting, "standard"), text_of(setting, "least") + "-" + text_of(setting, "most"),
               text_of(setting, "meaning")});
  fmt::print("{}", table.text());
  return kFine;
}

}  // namespace

void add_get(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "get", "show settings",
                                 "  roost get\n"
                                 "  roost get wake_packets\n"
                                 "  roost get --json | jq '.settings[] | {name, value}'");
  auto& name = command.keep<std::string>();
  command.positional("name", name, "only this setting");
  add_json_flag(command, invocation);
  command.runs([&] { return get(name, invocation); });
}

}  // namespace roost::cli

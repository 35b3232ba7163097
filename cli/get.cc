// SPDX-License-Identifier: BSD-3-Clause
// roost get: settings of the running manager, of a service or of an NF, with unit, range, standard value and meaning.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

struct GetOptions {
  std::string name, service;
  uint32_t nf = 0;
};

int get(const GetOptions& options, bool of_nf, const Invocation& invocation) {
  Json parameters = Json::object();
  if (!options.name.empty()) parameters["name"] = options.name;
  if (!options.service.empty()) parameters["service"] = options.service;
  if (of_nf) parameters["nfs"] = {options.nf};
  const Json answer = invocation.connect().call("get", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  constexpr auto kRight = Table::Align::right;
  Table table({{"SETTING"},
               {"VALUE", kRight},
               {"UNIT"},
               {"FROM"},
               {"STANDARD", kRight},
               {"RANGE", kRight},
               {"SCOPE"},
               {"MEANING"}});
  for (const Json& setting : part_of(answer, "settings"))
    table.add({text_of(setting, "name"), text_of(setting, "value"), text_of(setting, "unit"), text_of(setting, "from"),
               text_of(setting, "standard"), text_of(setting, "least") + "-" + text_of(setting, "most"),
               text_of(setting, "scope"), text_of(setting, "meaning")});
  fmt::print("{}", table.text());
  for (const Json& setting : part_of(answer, "settings"))
    if (setting.contains("worker_goes_by"))
      fmt::print("{}: its worker goes by {}, {}\n", text_of(setting, "name"), text_of(setting, "worker_goes_by"),
                 setting.contains("chosen_for_us")
                     ? fmt::format("chosen to hold a sojourn_target_us of {}", text_of(setting, "chosen_for_us"))
                     : "the strictest of its NFs");
  return kFine;
}

}  // namespace

void add_get(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "get", "show settings",
                                 "  roost get\n"
                                 "  roost get wake_packets\n"
                                 "  roost get --service firewall\n"
                                 "  roost get weight --nf 7\n"
                                 "  roost get --json | jq '.settings[] | {name, value}'");
  auto& options = command.keep<GetOptions>();
  command.positional("name", options.name, "only this setting");
  Option service = command.option("--service", options.service, "what counts in this service, and where it comes from");
  Option nf = command.option("--nf", options.nf, "what counts for this NF, and where it comes from");
  nf.excludes(service);
  add_json_flag(command, invocation);
  command.runs([&options, nf, &invocation] { return get(options, nf.given(), invocation); });
}

}  // namespace roost::cli

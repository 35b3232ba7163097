// SPDX-License-Identifier: BSD-3-Clause
// roost spawn: starts NFs of a module in a service.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/modules.h"
#include "cli/nf_config.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kSpawnPatience_first{60'000}, kSpawnPatience_each{50};

struct SpawnOptions {
  std::string module, service, tier = "fiber", config = "{}", tenant = "default";
  uint32_t count = 1, weight = 0;
  bool dedicated = false;
};

int spawn(const SpawnOptions& options, const Invocation& invocation) {
  const Json config = parse_nf_config(options.config);
  const std::string module = find_module(options.module, module_folders(program_folder() / "../nf"));
  Json parameters{{"module", module},     {"service", options.service}, {"count", options.count},
                  {"tier", options.tier}, {"config", config},           {"tenant", options.tenant}};
  if (options.dedicated) parameters["cores"] = "dedicated";
  if (options.weight != 0) parameters["weight"] = options.weight;
  Client client = invocation.connect();
  const Json answer = client.call("spawn", parameters, kSpawnPatience_first + kSpawnPatience_each * options.count);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t count = count_of(answer, "count");
  fmt::print("{} NF{} of service '{}' in tier {}, from number {}, in {} ms\n", grouped(count), count == 1 ? "" : "s",
             text_of(answer, "service"), text_of(answer, "tier"), count_of(answer, "first"),
             rounded(number_of(answer, "spawn_ms")));
  return kFine;
}

}  // namespace

void add_spawn(Command& program, Invocation& invocation) {
  Command& command =
      add_command(program, invocation, "spawn", "start NFs",
                  "  roost spawn counter --service counter --count 500\n"
                  "  roost spawn ./bridge.so --service bridge --tier process\n"
                  "  roost spawn ids --service ids --weight 200\n"
                  "  roost spawn busy --service work --config '{\"cycles\": 500}'\n"
                  "  roost spawn firewall --service firewall --config @firewall.json\n"
                  "A module without a '/' is looked for in $ROOST_MODULE_PATH and beside roost, in ../nf.");
  auto& options = command.keep<SpawnOptions>();
  command.positional("module", options.module, "the NF's module: a path, or a name to look for").required();
  command.option("--service", options.service, "the service that they join").required();
  command.option("--count", options.count, "how many").range(1, 10'000'000).shows_default();
  command.option("--tier", options.tier, "fiber: many to a process; process: one each")
      .one_of({"fiber", "process"})
      .shows_default();
  command.flag("--dedicated", options.dedicated,
               "on cores of the configuration's cores.dedicated, one process each, which polls");
  command.option("--weight", options.weight, "their part of a core's cycles (default: the setting weight's)")
      .range(1, 1'000);
  command.option("--config", options.config, "what the NF is told: a JSON object, or @FILE").shows_default();
  command.option("--tenant", options.tenant, "whose NFs they are; tenants never share a process").shows_default();
  add_json_flag(command, invocation);
  command.runs([&] { return spawn(options, invocation); });
}

}  // namespace roost::cli

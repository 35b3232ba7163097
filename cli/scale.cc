// SPDX-License-Identifier: BSD-3-Clause
// roost scale and roost upgrade: a service gets more NFs or fewer, or other ones, while packets go through it.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/modules.h"
#include "cli/nf_config.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kScalePatience_first{120'000}, kScalePatience_each{50};

struct ScaleOptions {
  std::string service;
  uint32_t nfs = 0;
};
struct UpgradeOptions {
  std::string service, module, config;
};

std::string nfs_text(uint64_t count) { return fmt::format("{} NF{}", grouped(count), count == 1 ? "" : "s"); }

int scale(const ScaleOptions& options, const Invocation& invocation) {
  const Json answer = invocation.connect().call("scale", {{"service", options.service}, {"nfs", options.nfs}},
                                                kScalePatience_first + kScalePatience_each * options.nfs);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t started = count_of(answer, "started"), stopped = count_of(answer, "stopped");
  fmt::print("service '{}' has {}", text_of(answer, "service"), nfs_text(count_of(answer, "nfs")));
  if (started != 0) fmt::print(": {} started", grouped(started));
  if (stopped != 0) fmt::print(": {} stopped", grouped(stopped));
  fmt::print("{}\n", started + stopped == 0 ? ", as before" : "");
  return kFine;
}

int upgrade(const UpgradeOptions& options, const Invocation& invocation) {
  const std::string module = find_module(options.module, module_folders(program_folder() / "../nf"));
  Json parameters{{"service", options.service}, {"module", module}};
  if (!options.config.empty()) parameters["config"] = parse_nf_config(options.config);
  const Json answer = invocation.connect().call("upgrade", parameters, kScalePatience_first);
  if (invocation.printed_as_json(answer)) return kFine;
  fmt::print("service '{}' has module {}: {} started, {} stopped\n", text_of(answer, "service"),
             text_of(answer, "module"), nfs_text(count_of(answer, "started")), grouped(count_of(answer, "stopped")));
  return kFine;
}

}  // namespace

void add_scale(Command& program, Invocation& invocation) {
  Command& command =
      add_command(program, invocation, "scale", "give a service more NFs, or fewer",
                  "  roost scale firewall 8\n"
                  "  roost scale firewall 2 --json\n"
                  "New NFs are like those that were started last: module, configuration, tier, tenant, weight.\n"
                  "NFs that go get no new flows, keep those that they have for at most drain_ms ('roost get\n"
                  "drain_ms'), and then end; what they still had to do is done. Flows of others stay where they are.");
  auto& options = command.keep<ScaleOptions>();
  command.positional("service", options.service, "the service").required();
  command.positional("nfs", options.nfs, "how many NFs it shall have").required().range(0, 10'000'000);
  add_json_flag(command, invocation);
  command.runs([&] { return scale(options, invocation); });
}

void add_upgrade(Command& program, Invocation& invocation) {
  Command& command =
      add_command(program, invocation, "upgrade", "give a service another module, or another configuration",
                  "  roost upgrade firewall ./firewall-2.so\n"
                  "  roost upgrade firewall firewall --config @stricter.json\n"
                  "The new NFs come beside the old ones; when all of them are there, flows move over and the old\n"
                  "ones end. A module that crashes or refuses to start leaves the old ones in service.");
  auto& options = command.keep<UpgradeOptions>();
  command.positional("service", options.service, "the service").required();
  command.positional("module", options.module, "the NFs' new module: a path, or a name to look for").required();
  command.option("--config", options.config, "what they are told: a JSON object, or @FILE (default: as before)");
  add_json_flag(command, invocation);
  command.runs([&] { return upgrade(options, invocation); });
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// roost stop: ends NFs, by number, by service, or all.
#include <fmt/format.h>

#include <vector>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/nf_ranges.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kStopPatience{120'000};

struct StopOptions {
  std::vector<std::string> nfs;
  std::string service;
  bool all = false;
};

Json which(const StopOptions& options) {
  if (!options.nfs.empty() + !options.service.empty() + options.all != 1)
    throw UsageError("stop: say which: NF numbers, or --service S, or --all");
  if (options.all) return {{"all", true}};
  if (!options.service.empty()) return {{"service", options.service}};
  return {{"nfs", numbers_of("stop", options.nfs, "--service or --all")}};
}

int stop(const StopOptions& options, const Invocation& invocation) {
  const Json parameters = which(options);
  const Json answer = invocation.connect().call("stop", parameters, kStopPatience);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t stopped = count_of(answer, "stopped");
  fmt::print("{} NF{} stopped\n", grouped(stopped), stopped == 1 ? "" : "s");
  for (const Json& host : part_of(answer, "killed"))
    fmt::print("{} did not end when asked and was killed\n",
               printable(host.is_string() ? host.get<std::string>() : ""));
  return kFine;
}

}  // namespace

void add_stop(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "stop", "end NFs",
                                 "  roost stop 7 12-19\n"
                                 "  roost stop --service firewall\n"
                                 "  roost stop --all\n"
                                 "They get no new flows, keep those that they have for at most drain_ms ('roost get\n"
                                 "drain_ms'), and then end; what they still had to do is done.");
  auto& options = command.keep<StopOptions>();
  command.positional("nf", options.nfs, "numbers of NFs, and ranges of them ('roost ps' lists them)");
  command.option("--service", options.service, "all NFs of this service");
  command.flag("--all", options.all, "all NFs");
  add_json_flag(command, invocation);
  command.runs([&] { return stop(options, invocation); });
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// roost set: changes a setting of the running manager, of a service or of NFs.
#include <fmt/format.h>

#include <charconv>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/nf_ranges.h"

namespace roost::cli {
namespace {

struct SetOptions {
  std::string name, value, service;
  std::vector<std::string> nfs;
  bool unset = false;
};

uint64_t value_of(const std::string& text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    throw UsageError(
        fmt::format("set: '{}' is no value; settings are whole numbers from 0; see 'roost set --help'", text));
  return value;
}

int set(const SetOptions& options, const Invocation& invocation) {
  if (options.unset != options.value.empty())
    throw UsageError(options.unset ? "set: --unset takes no value" : "set: a value is missing; see 'roost set --help'");
  Json parameters{{"name", options.name}};
  if (!options.unset) parameters["value"] = value_of(options.value);
  std::string where;
  if (!options.service.empty()) {
    parameters["service"] = options.service;
    where = fmt::format(" in service '{}'", options.service);
  } else if (!options.nfs.empty()) {
    const auto nfs = numbers_of("set", options.nfs, "--service");
    parameters["nfs"] = nfs;
    where = nfs.size() == 1 ? fmt::format(" in NF {}", nfs[0]) : fmt::format(" in {} NFs", grouped(nfs.size()));
  }
  const Json answer = invocation.connect().call(options.unset ? "unset" : "set", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  fmt::print("{} is {}{} (was {})\n", text_of(answer, "name"), text_of(answer, "value"), where, text_of(answer, "was"));
  return kFine;
}

}  // namespace

void add_set(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "set", "change a setting while the manager runs",
                                 "  roost set wake_packets 32\n"
                                 "  roost set weight 200 --nf 7 9-12\n"
                                 "  roost set burst_packets 8 --service firewall\n"
                                 "  roost set --unset burst_packets --service firewall\n"
                                 "What an NF has no value of its own for it takes from its service, and that from the\n"
                                 "manager. 'roost get' lists the settings, their units, ranges and scopes.");
  auto& options = command.keep<SetOptions>();
  command.positional("name", options.name, "the setting").required();
  command.positional("value", options.value, "its new value");
  Option service = command.option("--service", options.service, "of the NFs of this service, not of all");
  command.option("--nf", options.nfs, "of these NFs: numbers, and ranges of them").excludes(service);
  command.flag("--unset", options.unset, "take the value away again; the manager's goes back to the standard");
  add_json_flag(command, invocation);
  command.runs([&] { return set(options, invocation); });
}

}  // namespace roost::cli

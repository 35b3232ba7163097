// SPDX-License-Identifier: BSD-3-Clause
// roost check: a configuration as roostd reads it, by roostd, which starts nothing.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/helper_program.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

std::string list_of(const Json& names) {
  std::string text;
  for (const Json& name : names)
    text += (text.empty() ? "" : ", ") + (name.is_string() ? name.get<std::string>() : json_text(name));
  return text.empty() ? "-" : text;
}

void print_summary(const Json& summary, const std::string& config) {
  const Json& cores = part_of(summary, "cores");
  fmt::print("{}: a manager at {}\n", config, printable(text_of(summary, "control_socket")));
  fmt::print("cores: io {}, wake {}, shared {}, dedicated {}; workers wait by {}\n", list_of(part_of(cores, "io")),
             cores.contains("wake") ? text_of(cores, "wake") : "-", list_of(part_of(cores, "shared")),
             list_of(part_of(cores, "dedicated")), text_of(cores, "wait_mode"));
  fmt::print("packets: {} ({})\n\n", grouped(count_of(summary, "packets")),
             bytes_text(number_of(summary, "packet_bytes")));
  Table domains({{"DOMAIN"}, {"PACKETS", Table::Align::right}, {"TENANTS"}, {"SERVICES"}, {"PORTS"}});
  for (const Json& domain : part_of(summary, "domains"))
    domains.add({text_of(domain, "name"), grouped(count_of(domain, "packets")),
                 part_of(domain, "tenants").empty() ? "all" : list_of(part_of(domain, "tenants")),
                 list_of(part_of(domain, "services")), list_of(part_of(domain, "ports"))});
  if (domains.size() > 1) fmt::print("{}\n", domains.text());
  Table ports({{"PORT"}, {"KIND"}, {"CHAIN"}, {"WHAT"}});
  for (const Json& port : part_of(summary, "ports"))
    ports.add({text_of(port, "name"), text_of(port, "kind"), port.contains("chain") ? text_of(port, "chain") : "-",
               text_of(port, "what")});
  fmt::print("{}\n", ports.text());
  Table chains({{"CHAIN"}, {"OUT"}, {"SERVICES"}});
  for (const Json& chain : part_of(summary, "chains"))
    chains.add({text_of(chain, "name"), text_of(chain, "out"), list_of(part_of(chain, "services"))});
  if (chains.size() != 0) fmt::print("{}\n", chains.text());
  for (const Json& warning : part_of(summary, "warnings"))
    fmt::print("warning: {}\n", printable(warning.is_string() ? warning.get<std::string>() : ""));
  fmt::print("sound: nothing was started\n");
}

int check(const std::string& config, const Invocation& invocation) {
  const HelperReport helper = run_helper("roostd", {"--config", config, "--check", "{report}"});
  if (!helper.report.is_object()) return helper.status == 0 ? kFailed : helper.status;  // it has said why
  if (!invocation.printed_as_json(helper.report)) print_summary(helper.report, config);
  return kFine;
}

}  // namespace

void add_check(Command& program, Invocation& invocation) {
  Command& command = program.add("check", "check a configuration whole, and start nothing");
  command.examples(
      "  roost check roost.toml\n"
      "  roost check roost.toml --json | jq .chains\n"
      "Ends with 1 where roostd would refuse it: each problem with its line and remedy.");
  auto& config = command.keep<std::string>();
  command.positional("config", config, "the file; docs/configuration.md describes it").required();
  add_json_flag(command, invocation);
  command.runs([&] { return check(config, invocation); });
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// roost try and roost describe: an NF module by itself, with no manager, no ports and no privileges. Both happen in a
// process of their own, which the module may crash.
#include <fmt/format.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/helper_program.h"
#include "cli/modules.h"
#include "cli/nf_config.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

struct TryOptions {
  std::string module, in, out, config = "{}";
  std::vector<std::string> ports{"in", "out"}, services, messages;
  uint32_t repeat = 1, patience_ms = 1'000, run_ms = 0;
};

// What the helper reports; throws Error with its words, or where the module took it down.
Json ask_helper(const std::string& module, const Json& request) {
  const HelperReport helper = run_helper("roost-try", {"{report}", json_text(request)});
  if (helper.status > 128)
    fail("module '{}': crashed by signal {} ({}); a debugger shows where: gdb --args {} 1 '{}'", module,
         helper.status - 128, strsignal(helper.status - 128), (program_folder() / "roost-try").string(),
         json_text(request));
  if (!helper.report.is_object())
    fail("module '{}': ended the process (status {}) before there was a report; an NF must not call exit()", module,
         helper.status);
  if (helper.report.contains("error")) fail("{}", text_of(helper.report, "error"));
  return helper.report;
}

void print_trial(const Json& report, const TryOptions& options) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"WHAT"}, {"VALUE", kRight}, {"MEANING"}});
  const auto count = [&](const std::string& what, uint64_t value, const std::string& meaning, bool always = true) {
    if (always || value != 0) table.add({what, grouped(value), meaning});
  };
  count("in", count_of(report, "packets_in"), fmt::format("packets, from {}", options.in));
  count("created", count_of(report, "created"), "packets, by the NF", false);
  count("out", count_of(report, "packets_out"),
        options.out.empty() ? "packets (no --out: nothing is written)" : fmt::format("packets, to {}", options.out));
  count("  next", count_of(report, "next"), "to the next service of their chain", false);
  for (const auto& [name, packets] : part_of(report, "to_port").items())
    count("  port " + name, packets.get<uint64_t>(), "out of this port");
  for (const auto& [name, packets] : part_of(report, "to_service").items())
    count("  service " + name, packets.get<uint64_t>(), "to this service");
  count("dropped", sum_of(part_of(report, "dropped")), "packets");
  for (const auto& [cause, packets] : part_of(report, "dropped").items())
    if (cause != "by_nf") count("  " + cause, packets.get<uint64_t>(), "of these");
  count("held", count_of(report, "held"), "packets that the NF still had at the end; --patience-ms waits longer",
        false);
  count("refused", count_of(report, "refused"), "packets given back that the NF did not have", false);
  const double cycles = number_of(report, "cycles_per_packet");
  table.add({"cycles/packet", cycles == 0 ? "-" : rounded(cycles),
             fmt::format("in process(): {} ns", rounded(number_of(report, "ns_per_packet")))});
  table.add({"packets/burst", rounded(number_of(report, "packets_per_dispatch")), "that process() was called with"});
  fmt::print("NF '{}'\n{}", printable(text_of(report, "nf")), table.text());
}

int run_try(const TryOptions& options, const Invocation& invocation) {
  const std::string module = find_module(options.module, module_folders(program_folder() / "../nf"));
  const Json request{{"module", module},
                     {"in", options.in},
                     {"out", options.out},
                     {"config", parse_nf_config(options.config)},
                     {"ports", options.ports},
                     {"services", options.services},
                     {"messages", options.messages},
                     {"repeat", options.repeat},
                     {"patience_ms", options.patience_ms},
                     {"run_ms", options.run_ms}};
  const Json report = ask_helper(module, request);
  if (!invocation.printed_as_json(report)) print_trial(report, options);
  return count_of(report, "refused") == 0 ? kFine : kFailed;
}

int describe(const std::string& name, const Invocation& invocation) {
  const std::string module = find_module(name, module_folders(program_folder() / "../nf"));
  const Json report = ask_helper(module, {{"describe", module}});
  if (invocation.printed_as_json(report)) return kFine;
  std::string libraries;
  for (const Json& each : part_of(report, "libraries"))
    libraries += (libraries.empty() ? "" : ", ") + (each.is_string() ? each.get<std::string>() : "");
  const std::string id = text_of(report, "build_id");
  Table table({{"MODULE"}, {text_of(report, "path")}});
  table.add({"NF", text_of(report, "name")});
  table.add({"ABI", fmt::format("{} (hosts here: {})", text_of(report, "abi"), text_of(report, "host_abi"))});
  table.add({"memory", fmt::format("{} each, aligned to {}; its place in a host: {}, and its inbox",
                                   bytes_text(number_of(report, "nf_bytes")), count_of(report, "nf_alignment"),
                                   bytes_text(number_of(report, "record_bytes")))});
  table.add({"file", bytes_text(number_of(report, "file_bytes"))});
  table.add({"build", id.empty() ? "no build id" : id});
  table.add({"libraries", libraries.empty() ? "none" : libraries});
  fmt::print("{}", table.text());
  return kFine;
}

}  // namespace

void add_try(Command& program, Invocation& invocation) {
  Command& command = program.add("try", "run an NF module on a capture, with no manager");
  command.examples(
      "  roost try counter --in a.pcap\n"
      "  roost try ./bridge.so --in a.pcap --out b.pcap\n"
      "  roost try firewall --in a.pcap --out b.pcap --config @firewall.json --json\n"
      "  roost try busy --in a.pcap --repeat 1000           what does a packet cost?\n"
      "  roost try keepalive --in a.pcap --config '{\"out\": \"out\"}' --run-ms 2000");
  auto& options = command.keep<TryOptions>();
  command.positional("module", options.module, "the NF's module: a path, or a name to look for").required();
  command.option("--in", options.in, "the capture (classic pcap) that it gets").required();
  command.option("--out", options.out, "where what leaves is written (default: it is only counted)");
  command.option("--config", options.config, "what the NF is told: a JSON object, or @FILE").shows_default();
  command.option("--ports", options.ports, "names of ports; packets come in by the first").shows_default();
  command.option("--services", options.services, "names of services that it may send packets to");
  command.option("--tell", options.messages, "a message for it, before the first packet; may be given again");
  command.option("--repeat", options.repeat, "the capture, so many times over").range(1, 1'000'000'000).shows_default();
  command.option("--patience-ms", options.patience_ms, "packets that it keeps are waited for this long")
      .range(0, 3'600'000)
      .shows_default();
  command.option("--run-ms", options.run_ms, "go on for at least this long, for timers").range(0, 3'600'000);
  add_json_flag(command, invocation);
  command.runs([&] { return run_try(options, invocation); });
}

void add_describe(Command& program, Invocation& invocation) {
  Command& command = program.add("describe", "tell what an NF module says of itself");
  command.examples(
      "  roost describe counter\n"
      "  roost describe ./bridge.so --json");
  auto& module = command.keep<std::string>();
  command.positional("module", module, "the NF's module: a path, or a name to look for").required();
  add_json_flag(command, invocation);
  command.runs([&] { return describe(module, invocation); });
}

}  // namespace roost::cli

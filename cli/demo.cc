// SPDX-License-Identifier: BSD-3-Clause
#include "cli/demo.h"

#include <fmt/format.h>

#include <fstream>

#include "cli/commands.h"

namespace roost::cli {
namespace {

int demo(const DemoOptions& options) {
  if (!options.pcap.empty() && options.rate_pps != 0)
    throw UsageError("demo: --rate is the generator's; a capture has --pace");
  std::ofstream file;
  if (!options.json.empty() && options.json != "-") {
    file.open(options.json);  // now, rather than after the run
    if (!file) fail("--json {}: cannot write it; name a file in a folder that is there and yours", options.json);
  }
  std::FILE* const out = options.json == "-" ? stderr : stdout;
  const DemoFigures figures = run_demo(options, out);
  const Json report = demo_json(options, figures);
  fmt::print(out, "\n{}", demo_table(report));
  if (options.json == "-") {
    fmt::print("{}\n", report.dump(2));
  } else if (file.is_open() && !(file << report.dump(2) << std::endl)) {
    fail("--json {}: writing it failed; is the disk full?", options.json);
  }
  if (const std::string fault = demo_fault(report, options.nfs); !fault.empty()) fail("demo: {}", fault);
  return kFine;
}

}  // namespace

void add_demo(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("demo", "run many NFs on one shared core, in memory, and say how it went");
  command->footer(
      "\nExamples:\n"
      "  roost demo\n"
      "  roost demo --nfs 1000 --tier process --seconds 5\n"
      "  roost demo --pcap traffic.pcap --json figures.json\n"
      "Starts a manager of its own, in a temporary folder, and ends it; Ctrl-C too leaves nothing behind.");
  auto options = std::make_shared<DemoOptions>();
  command->add_option("--nfs", options->nfs, "how many NFs")->check(CLI::Range(1U, 1'000'000U))->capture_default_str();
  command->add_option("--tier", options->tier, "fiber: many to a process; process: one each")
      ->check(CLI::IsMember({"fiber", "process"}))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "how long to measure")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  command->add_option("--pcap", options->pcap, "replay this capture, again and again, instead of generated traffic");
  command->add_option("--pace", options->pace, "of the capture: as recorded, or line: as fast as it is taken")
      ->check(CLI::IsMember({"recorded", "line"}))
      ->capture_default_str();
  command->add_option("--rate", options->rate_pps, "generated packets each second (default: by tier)")
      ->check(CLI::Range(1U, 100'000'000U));
  command->add_option("--json", options->json, "write the figures to this file ('-': standard output)");
  command->callback([options, &invocation] { invocation.run = [options] { return demo(*options); }; });
}

}  // namespace roost::cli

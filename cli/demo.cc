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
    fmt::print("{}\n", json_text(report, 2));
  } else if (file.is_open() && !(file << json_text(report, 2) << std::endl)) {
    fail("--json {}: writing it failed; is the disk full?", options.json);
  }
  if (const std::string fault = demo_fault(report, options.nfs); !fault.empty()) fail("demo: {}", fault);
  return kFine;
}

}  // namespace

void add_demo(Command& program, Invocation&) {
  Command& command = program.add("demo", "run many NFs on one shared core, in memory, and say how it went");
  command.examples(
      "  roost demo\n"
      "  roost demo --nfs 1000 --tier process --seconds 5\n"
      "  roost demo --pcap traffic.pcap --json figures.json\n"
      "Starts a manager of its own, in a temporary folder, and ends it; Ctrl-C too leaves nothing behind.");
  auto& options = command.keep<DemoOptions>();
  command.option("--nfs", options.nfs, "how many NFs").range(1, 1'000'000).shows_default();
  command.option("--tier", options.tier, "fiber: many to a process; process: one each")
      .one_of({"fiber", "process"})
      .shows_default();
  command.option("--seconds", options.seconds, "how long to measure").range(0.1, 86'400).shows_default();
  command.option("--pcap", options.pcap, "replay this capture, again and again, instead of generated traffic");
  command.option("--pace", options.pace, "of the capture: as recorded, or line: as fast as it is taken")
      .one_of({"recorded", "line"})
      .shows_default();
  command.option("--rate", options.rate_pps, "generated packets each second (default: by tier)").range(1, 100'000'000);
  command.option("--json", options.json, "write the figures to this file ('-': standard output)");
  command.runs([&options] { return demo(options); });
}

}  // namespace roost::cli

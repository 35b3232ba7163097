// SPDX-License-Identifier: BSD-3-Clause
// roost demo, in three parts: what is wanted, the run (demo_run.cc), and what is told of it (demo_report.cc).
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "core/protocol.h"

namespace roost::cli {

struct DemoOptions {
  uint32_t nfs = 500;
  std::string tier = "fiber";
  double seconds = 10;
  std::string pcap;               // empty: the generator
  std::string pace = "recorded";  // of the capture: "recorded" or "line"
  uint64_t rate_pps = 0;          // of the generator; 0: by tier
  std::string json;               // where to write the figures; "-": standard output
};

// Everything that was measured. Memory: stats {memory: true} without and with the NFs, both without traffic.
struct DemoFigures {
  Json memory_before, memory_after;
  Json start, end;  // stats around the measured seconds
  Json final;       // stats once receiving has stopped and packets have come back
  double spawn_ms = 0;
};

// Starts a manager of its own, runs, and ends it, whatever happens. Progress goes to `out`. Throws Error.
DemoFigures run_demo(const DemoOptions& options, std::FILE* out);

Json demo_json(const DemoOptions& options, const DemoFigures& figures);
// For a newcomer: each figure and what it means.
std::string demo_table(const Json& report);
// Empty, or what makes this run a failure.
std::string demo_fault(const Json& report, uint32_t nfs_wanted);

}  // namespace roost::cli

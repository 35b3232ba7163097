// SPDX-License-Identifier: BSD-3-Clause
// roost stop: ends NFs, by number, by service, or all.
#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kStopPatience{120'000};
constexpr uint32_t kRangeMax = 100'000;  // keeps the request within a manager's limit

struct StopOptions {
  std::vector<std::string> nfs;
  std::string service;
  bool all = false;
};

// "7" or "7-12".
void append_range(const std::string& word, std::vector<uint32_t>& nfs) {
  const char* const end = word.data() + word.size();
  uint32_t first = 0;
  auto parsed = std::from_chars(word.data(), end, first);
  uint32_t last = first;
  if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-')
    parsed = std::from_chars(parsed.ptr + 1, end, last);
  if (parsed.ec != std::errc() || parsed.ptr != end || last < first)
    throw UsageError(fmt::format("stop: '{}' is no NF; it takes numbers such as 7, and ranges such as 7-12", word));
  if (nfs.size() + (last - first) >= kRangeMax)
    throw UsageError(fmt::format("stop: more than {} NFs by number; use --service or --all", kRangeMax));
  for (uint32_t nf = first;; ++nf) {
    nfs.push_back(nf);
    if (nf == last) break;
  }
}

Json which(const StopOptions& options) {
  if (!options.nfs.empty() + !options.service.empty() + options.all != 1)
    throw UsageError("stop: say which: NF numbers, or --service S, or --all");
  if (options.all) return {{"all", true}};
  if (!options.service.empty()) return {{"service", options.service}};
  std::vector<uint32_t> nfs;
  for (const auto& word : options.nfs) append_range(word, nfs);
  return {{"nfs", nfs}};
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
                                 "  roost stop --all");
  auto& options = command.keep<StopOptions>();
  command.positional("nf", options.nfs, "numbers of NFs, and ranges of them ('roost ps' lists them)");
  command.option("--service", options.service, "all NFs of this service");
  command.flag("--all", options.all, "all NFs");
  add_json_flag(command, invocation);
  command.runs([&] { return stop(options, invocation); });
}

}  // namespace roost::cli

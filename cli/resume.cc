// SPDX-License-Identifier: BSD-3-Clause
// roost resume: quarantined NFs get packets again.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/nf_ranges.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kResumePatience{120'000};

int resume(const std::vector<std::string>& words, const Invocation& invocation) {
  if (words.empty()) throw UsageError("resume: say which: numbers of NFs; 'roost ps' shows who is quarantined");
  const Json parameters = {{"nfs", numbers_of("resume", words, "several commands")}};
  const Json answer = invocation.connect().call("resume_nf", parameters, kResumePatience);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t resumed = count_of(answer, "resumed");
  fmt::print("{} NF{} resumed\n", grouped(resumed), resumed == 1 ? "" : "s");
  return kFine;
}

}  // namespace

void add_resume(Command& program, Invocation& invocation) {
  Command& command =
      add_command(program, invocation, "resume", "give quarantined NFs packets again",
                  "  roost resume 7 12-19\n"
                  "An NF that does not come back from a burst within the setting overrun_us is "
                  "quarantined. Once it has come back, it is resumed by itself after a while (settings resume_ms "
                  "and resume_most_ms; 'roost ps' says when), or by this command at once. One that has crashed its "
                  "host crashes_max times is left in quarantine when the host is started again, until this command.");
  auto& nfs = command.keep<std::vector<std::string>>();
  command.positional("nf", nfs, "numbers of NFs, and ranges of them ('roost ps' lists them)");
  add_json_flag(command, invocation);
  command.runs([&] { return resume(nfs, invocation); });
}

}  // namespace roost::cli

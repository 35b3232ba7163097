// SPDX-License-Identifier: BSD-3-Clause
// roost version: this program's version, and the manager's if one is there.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"

namespace roost::cli {
namespace {

constexpr const char* kVersion = "0.1.0";

int version(const Invocation& invocation) {
  Json answer = {{"roost", kVersion}, {"protocol", kProtocolVersion}, {"manager", nullptr}};
  try {
    answer["manager"] = invocation.connect().call("version");
  } catch (const NoManager&) {  // this program has a version all the same
  }
  if (invocation.printed_as_json(answer)) return kFine;
  fmt::print("roost {}, protocol {}\n", kVersion, kProtocolVersion);
  const Json& manager = answer["manager"];
  if (manager.is_null()) {
    fmt::print("no manager at {}\n", invocation.socket_path());
    return kFine;
  }
  fmt::print("manager {}, protocol {}, process {}, up for {:.0f} s\n", text_of(manager, "manager"),
             count_of(manager, "protocol"), count_of(manager, "pid"), number_of(manager, "uptime_s"));
  if (count_of(manager, "protocol") != kProtocolVersion)
    fail("version: the manager speaks another protocol; take roost and roostd from one build");
  return kFine;
}

}  // namespace

void add_version(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "version", "versions of this program and of the manager",
                                 "  roost version --json");
  add_json_flag(command, invocation);
  command.runs([&] { return version(invocation); });
}

}  // namespace roost::cli

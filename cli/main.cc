// SPDX-License-Identifier: BSD-3-Clause
// roost: the command line. Ends with 0: done; 1: refused or failed; 2: wrong usage; 3: no manager there.
#include <fmt/format.h>

#include <string_view>

#include "cli/commands.h"
#include "cli/completion.h"

namespace {

using namespace roost::cli;

int run(Command& program, int argc, char** argv) {
  try {
    return program.run(argc, argv);
  } catch (const UsageError& error) {
    fmt::print(stderr, "roost: {}\n", error.what());
    return kUsage;
  } catch (const NoManager& error) {
    fmt::print(stderr, "roost: {}\n", error.what());
    return kNoManager;
  } catch (const std::exception& error) {
    fmt::print(stderr, "roost: {}\n", error.what());
    return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Command program("roost", "Roost: thousands of network functions on a few shared cores");
  program.examples(
      "  roost up                                        start a manager with the built-in example\n"
      "  roost spawn counter --service counter --count 100\n"
      "  roost ps\n"
      "  roost stats --watch\n"
      "  roost down\n"
      "  roost demo                                      all of that by itself, in memory\n"
      "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no manager there.");
  Invocation invocation;
  program.option("--socket", invocation.socket, "the manager's socket; may also stand behind the command");
  for (const auto add :
       {add_up,     add_down,   add_check,    add_spawn, add_stop, add_scale,      add_upgrade, add_ps,
        add_stats,  add_events, add_chain,    add_rule,  add_port, add_get,        add_set,     add_tune,
        add_resume, add_tell,   add_describe, add_try,   add_demo, add_completion, add_version})
    add(program, invocation);
  if (argc > 1 && std::string_view(argv[1]) == kCompleteCommand) return complete(program, argc, argv);
  return run(program, argc, argv);
}

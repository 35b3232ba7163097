// SPDX-License-Identifier: BSD-3-Clause
// roost: the command line. Ends with 0: done; 1: refused or failed; 2: wrong usage; 3: no manager there.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/commands.h"
#include "core/text.h"

namespace {

using namespace roost::cli;

// CLI11 only says that something is superfluous; a mistyped command deserves a suggestion.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return;
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto nearest = roost::nearest_word(argv[1], candidates);
  throw UsageError(
      fmt::format("there is no command '{}'; {}", argv[1],
                  nearest.empty() ? "'roost --help' lists them" : fmt::format("did you mean '{}'?", nearest)));
}

int run(CLI::App& app, Invocation& invocation, int argc, char** argv) {
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    return invocation.run();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    const auto chosen = app.get_subcommands();
    const std::string command = chosen.empty() ? "roost" : "roost " + chosen.front()->get_name();
    fmt::print(stderr, "roost: {}; see '{} --help'\n", error.what(), command);
    return kUsage;
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
  CLI::App app{"Roost: thousands of network functions on a few shared cores", "roost"};
  app.require_subcommand(1);
  app.footer(
      "\nExamples:\n"
      "  roost up                                        start a manager with the built-in example\n"
      "  roost spawn counter --service counter --count 100\n"
      "  roost ps\n"
      "  roost stats --watch\n"
      "  roost down\n"
      "  roost demo                                      all of that by itself, in memory\n"
      "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no manager there.");
  Invocation invocation;
  app.add_option("--socket", invocation.socket, "the manager's socket; may also stand behind the command");
  for (const auto add :
       {add_up, add_down, add_spawn, add_ps, add_stop, add_get, add_set, add_stats, add_version, add_demo})
    add(app, invocation);
  return run(app, invocation, argc, argv);
}

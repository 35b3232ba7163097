// SPDX-License-Identifier: BSD-3-Clause
#include "tests/cli/fake_manager.h"

namespace roost::test {

Outcome roost_run(const std::vector<std::string>& arguments) { return run_program(ROOST_BIN_DIR "/roost", arguments); }

Outcome roost_at(const FakeManager& manager, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--socket", manager.path()});
  return roost_run(arguments);
}

}  // namespace roost::test

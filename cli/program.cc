// SPDX-License-Identifier: BSD-3-Clause
#include "cli/program.h"

#include <fmt/format.h>

#include <exception>

namespace roost::cli {

int run_program(Command& program, const char* name, int argc, char** argv) {
  try {
    return program.run(argc, argv);
  } catch (const UsageError& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 1;
  }
}

}  // namespace roost::cli

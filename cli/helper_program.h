// SPDX-License-Identifier: BSD-3-Clause
// Programs of Roost that `roost` has do something for it, in a process of their own, and that report in JSON.
#pragma once

#include <string>
#include <vector>

#include "core/protocol.h"

namespace roost::cli {

struct HelperReport {
  int status = 0;  // 128 + n: ended by signal n
  Json report;     // discarded: it left none
};

// Runs a program that lies beside roost. Where an argument is "{report}", it gets the number of the descriptor to
// report to. What it prints goes to standard error. Throws Error where it cannot be run.
HelperReport run_helper(const std::string& program, std::vector<std::string> arguments);

}  // namespace roost::cli

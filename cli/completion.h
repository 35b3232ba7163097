// SPDX-License-Identifier: BSD-3-Clause
// Completion on the command line. The shells' scripts ask the program itself what may come next, so that they never
// lag behind it: roost __complete WORD... prints a line for each, "text<TAB>meaning", from the tree of commands.
#pragma once

#include "cli/command.h"

namespace roost::cli {

inline constexpr const char* kCompleteCommand = "__complete";

// What `program __complete WORD...` prints. Returns the exit code.
int complete(const Command& program, int argc, const char* const* argv);

}  // namespace roost::cli

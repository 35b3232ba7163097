// SPDX-License-Identifier: BSD-3-Clause
// The main() of a program: its command line is read and run, and errors are said.
#pragma once

#include "cli/command.h"

namespace roost::cli {

// What the command returns; 2: the command line is wrong, 1: any other error, after one line about it that begins with
// the program's name.
int run_program(Command& program, const char* name, int argc, char** argv);

}  // namespace roost::cli

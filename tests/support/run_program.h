// SPDX-License-Identifier: BSD-3-Clause
// Runs a program to its end and keeps what it said.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace roost::test {

struct Outcome {
  int status = -1;  // 128 + n where signal n ended it
  std::string out, error;
};

inline std::string content_of(const std::string& path) {
  return (std::ostringstream() << std::ifstream(path).rdbuf()).str();
}

// Without a shell. The program's standard input is empty.
inline Outcome run_program(const std::string& program, const std::vector<std::string>& arguments) {
  const TempDir folder;
  const std::string out = folder.file("out", ""), error = folder.file("error", "");
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const bool ready = freopen("/dev/null", "r", stdin) != nullptr && freopen(out.c_str(), "w", stdout) != nullptr &&
                       freopen(error.c_str(), "w", stderr) != nullptr;
    if (ready) execv(program.c_str(), words.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), content_of(out), content_of(error)};
}

}  // namespace roost::test

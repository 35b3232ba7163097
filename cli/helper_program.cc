// SPDX-License-Identifier: BSD-3-Clause
#include "cli/helper_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "cli/modules.h"
#include "core/error.h"
#include "core/shared_memory.h"

namespace roost::cli {
namespace {

std::string read_all(int fd) {
  std::string text;
  std::array<char, 16 << 10> chunk;
  for (ssize_t bytes; (bytes = read(fd, chunk.data(), chunk.size())) != 0;) {
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) break;
    text.append(chunk.data(), static_cast<size_t>(bytes));
  }
  return text;
}

}  // namespace

HelperReport run_helper(const std::string& program, std::vector<std::string> arguments) {
  const std::string path = program_folder() / program;
  if (access(path.c_str(), X_OK) != 0)
    fail_errno("{}: cannot run '{}'; it belongs beside roost, build both with scripts/build.sh", program, path);
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) fail_errno("{}: cannot make a pipe for its report", program);
  const FileDescriptor from(ends[0]);
  FileDescriptor to(ends[1]);
  const std::string number = std::to_string(to.get());
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (auto& argument : arguments)
    words.push_back((argument == "{report}" ? const_cast<std::string&>(number) : argument).data());
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) fail_errno("{}: cannot start it", program);
  if (child == 0) {
    close(from.get());
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(path.c_str(), words.data());
    _exit(127);
  }
  to.reset();
  HelperReport report;
  report.report = rpc_parse(read_all(from.get()));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  report.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return report;
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
#include "cli/manager_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <vector>

#include "cli/table.h"
#include "core/error.h"

namespace roost::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartPatience{60'000}, kEndPatience{10'000}, kLookAgain{20};
constexpr size_t kLastLines = 8;

// What the child's standard input shall be: nothing, or the configuration.
FileDescriptor standard_input(const ManagerOptions& options) {
  if (!options.config_path.empty()) return FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
  FileDescriptor text(memfd_create("roost-config", MFD_CLOEXEC));
  const auto bytes = static_cast<ssize_t>(options.config_text.size());
  if (!text || write(text.get(), options.config_text.data(), options.config_text.size()) != bytes)
    fail_errno("roostd: cannot hand over its configuration");
  lseek(text.get(), 0, SEEK_SET);
  return text;
}

// Between fork and exec: only what a signal handler may call.
[[noreturn]] void become(const char* const* arguments, int input, int log, pid_t parent, bool outlives_us) {
  setsid();  // Ctrl-C at our terminal is ours to handle
  if (!outlives_us) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(input, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], const_cast<char* const*>(arguments));
  _exit(127);
}

}  // namespace

ManagerProcess::ManagerProcess(const ManagerOptions& options) : options_(options) {
  if (access(options_.program.c_str(), X_OK) != 0)
    fail_errno("roostd: cannot run '{}'; it belongs beside roost, build both with scripts/build.sh", options_.program);
  if (!options_.config_path.empty() && access(options_.config_path.c_str(), R_OK) != 0)
    fail_errno("configuration '{}': cannot read it", options_.config_path);
  const FileDescriptor input = standard_input(options_);
  const FileDescriptor log(open(options_.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!log) fail_errno("log '{}': cannot write it; name another with --log", options_.log);
  const std::string config = options_.config_path.empty() ? "/dev/stdin" : options_.config_path;
  const char* const arguments[] = {options_.program.c_str(),
                                   "--config",
                                   config.c_str(),
                                   "--socket",
                                   options_.socket.c_str(),
                                   options_.paused ? "--paused" : nullptr,
                                   nullptr};
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) fail_errno("roostd: cannot start it");
  if (pid_ == 0) become(arguments, input.get(), log.get(), parent, options_.outlives_us);
}

ManagerProcess::~ManagerProcess() {
  if (options_.outlives_us) return;
  if (!ended_) kill(pid_, SIGTERM);
  try {
    wait_for_end(kEndPatience);
  } catch (const Error&) {  // then it is killed
  }
  kill_now();
}

void ManagerProcess::kill_now() {
  // Also where it has ended: a host that it left behind is in its process group.
  kill(-pid_, SIGKILL);
  if (!ended_) kill(pid_, SIGKILL);
  if (!ended_) waitpid(pid_, &status_, 0);
  ended_ = true;
}

bool ManagerProcess::wait_for_end(milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!ended_) {
    if (waitpid(pid_, &status_, WNOHANG) != 0) {
      ended_ = true;
      break;
    }
    if (std::chrono::steady_clock::now() >= until) return false;
    poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
  }
  return true;
}

Client ManagerProcess::wait_until_ready(int interrupt_fd) {
  const auto until = std::chrono::steady_clock::now() + kStartPatience;
  for (;;) {
    if (wait_for_end(milliseconds(0))) fail("roostd: ended before it was ready");
    try {
      Client client(options_.socket);
      client.interrupted_by(interrupt_fd);
      if (client.manager_pid() != pid_) fail("socket '{}': another manager answers there", options_.socket);
      client.call("version");
      return client;
    } catch (const NoManager&) {  // not yet
    }
    if (std::chrono::steady_clock::now() >= until) {
      kill_now();
      fail("roostd: silent for {} s, so it was ended", kStartPatience.count() / 1000);
    }
    pollfd interrupt{interrupt_fd, POLLIN, 0};
    if (poll(&interrupt, 1, static_cast<int>(kLookAgain.count())) > 0) throw Interrupted("interrupted");
  }
}

std::string ManagerProcess::last_words() const {
  std::deque<std::string> lines;
  std::ifstream log(options_.log);
  for (std::string line; std::getline(log, line);) {
    lines.push_back(printable(line));
    if (lines.size() > kLastLines) lines.pop_front();
  }
  if (lines.empty() && !ended_) return "";
  if (lines.empty()) {
    if (WIFSIGNALED(status_)) return fmt::format(" by signal {}; its log is empty", WTERMSIG(status_));
    return fmt::format(" with status {}; its log is empty", WEXITSTATUS(status_));
  }
  std::string text = fmt::format("; the end of its log, {}:", options_.log);
  for (const auto& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace roost::cli

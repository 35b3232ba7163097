// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/forked.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/shared_memory.h"

namespace roost::experiment {
namespace {

[[noreturn]] void be_child(const std::function<Json()>& work, int out) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::string text;
  try {
    text = json_text({{"result", work()}}) + "\n";
  } catch (const std::exception& error) {
    text = json_text({{"error", error.what()}}) + "\n";
  }
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(out, text.data() + at, text.size() - at);
    if (written <= 0) _exit(1);
    at += static_cast<size_t>(written);
  }
  _exit(0);
}

// What the child says is one line. Its end, too, ends the wait: others that it left behind may still hold the pipe.
// False: it was interrupted, or the patience is over.
bool read_line(int fd, int child_fd, int interrupt_fd, int patience_ms, std::string& text) {
  for (bool ended = false;;) {
    pollfd events[] = {
        {fd, POLLIN, 0}, {child_fd, POLLIN, 0}, {interrupt_fd, POLLIN, 0}};  // a negative one is not looked at
    const int ready = ended ? 0 : poll(events, 3, patience_ms);
    if (ready < 0) continue;
    if (!ended && (ready == 0 || events[2].revents != 0)) return false;
    ended = ended || events[1].revents != 0;
    char chunk[4096];
    const ssize_t bytes = read(fd, chunk, sizeof chunk);
    if (bytes > 0) text.append(chunk, static_cast<size_t>(bytes));
    if (text.ends_with('\n') || bytes == 0 || (bytes < 0 && ended)) return true;
  }
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with status {} and said nothing", WEXITSTATUS(status));
}

}  // namespace

ForkedOutcome run_forked(const std::function<Json()>& work, int interrupt_fd, std::chrono::milliseconds patience) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail_errno("pipe");
  const FileDescriptor in(ends[0]);
  fcntl(in.get(), F_SETFL, O_NONBLOCK);  // the reader's end only
  FileDescriptor out(ends[1]);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) fail_errno("fork");
  if (child == 0) be_child(work, out.get());
  setpgid(child, child);  // here too: whoever comes first
  out = FileDescriptor();
  const FileDescriptor child_end(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));  // readable when it has ended
  ForkedOutcome outcome;
  std::string text;
  if (!read_line(in.get(), child_end.get(), interrupt_fd, -1, text)) {
    outcome.interrupted = true;
    kill(child, SIGTERM);
    read_line(in.get(), child_end.get(), -1, static_cast<int>(patience.count()), text);
  }
  kill(-child, SIGKILL);  // those that it left, or all, where it did not listen
  int status = 0;
  rusage used{};
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) continue;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  outcome.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
  const Json answer = rpc_parse(text);
  if (answer.is_object() && answer.contains("result"))
    outcome.result = answer["result"];
  else if (answer.is_object() && answer.contains("error"))
    outcome.error = answer["error"].get<std::string>();
  else
    outcome.error = end_text(status);
  return outcome;
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
#include "cli/replay_manager.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/example_config.h"
#include "cli/modules.h"
#include "cli/replay_config.h"
#include "cli/scaled_capture.h"
#include "core/error.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kSpawnPatience{60'000};

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail_errno("configuration '{}': cannot read it", path);
  return (std::ostringstream() << file.rdbuf()).str();
}

std::string config_for(const ReplayOptions& options, const TempFolder& folder) {
  std::error_code error;
  std::string capture = std::filesystem::canonical(options.pcap, error);
  if (error) fail("--pcap {}: {}", options.pcap, error.message());
  if (options.speed != 1) {
    const std::string scaled = folder.file("scaled.pcap");
    write_scaled(capture, scaled, options.speed);
    capture = scaled;
  }
  if (!options.config.empty())
    return replay_config(content_of(options.config), options.config, {capture, options.port});
  ExampleConfig example;
  example.capture = capture;
  return example_config(example);
}

// The program itself first, so that the command finds it by its name. What it prints goes to standard error.
[[noreturn]] void become_shell(const std::string& command, const std::string& socket) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  setenv("ROOST_SOCKET", socket.c_str(), 1);
  const char* const path = getenv("PATH");
  setenv("PATH", (program_folder().string() + ":" + (path == nullptr ? "/usr/bin:/bin" : path)).c_str(), 1);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  _exit(127);
}

void run_setup(const std::string& command, const std::string& socket, const Interrupts& interrupts) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) fail_errno("--setup: cannot start a shell");
  if (child == 0) become_shell(command, socket);
  const FileDescriptor ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  pollfd events[] = {{ended.get(), POLLIN, 0}, {interrupts.fd(), POLLIN, 0}};
  while (poll(events, 2, -1) < 0) continue;
  const bool interrupted = events[1].revents != 0;
  if (interrupted) kill(child, SIGTERM);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (interrupted) throw Interrupted("interrupted");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail("--setup: the command failed ({} {}): {}", WIFEXITED(status) ? "status" : "signal",
         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), command);
}

// An NF in each service of the example.
void spawn_example(Client& client) {
  for (const std::string& service : ExampleConfig().services)
    client.call("spawn",
                {{"module", find_module(service, module_folders(program_folder() / "../nf"))},
                 {"service", service},
                 {"count", 1},
                 {"tier", "fiber"},
                 {"config", example_nf_config(service)},
                 {"tenant", "default"}},
                kSpawnPatience);
}

}  // namespace

ReplayManager::ReplayManager(const ReplayOptions& options, const Interrupts& interrupts)
    : folder_("capture"), manager_("tune", config_for(options, folder_)) {
  try {
    start(options, interrupts);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {  // the log goes with its folder, so its end is told here
    client_.reset();
    manager_.fail_with_log(error.what());
  }
}

void ReplayManager::start(const ReplayOptions& options, const Interrupts& interrupts) {
  client_.emplace(manager_.process().wait_until_ready(interrupts.fd()));
  if (options.setup.empty())
    spawn_example(*client_);
  else
    run_setup(options.setup, manager_.socket(), interrupts);
  const Json stats = client_->call("stats");
  if (stats.value("nfs_live", uint64_t{0}) == 0) fail("--setup: there is no NF after it; 'roost spawn' starts some");
  warm_up(*client_, interrupts, true);
}

}  // namespace roost::cli

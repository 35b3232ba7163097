// SPDX-License-Identifier: BSD-3-Clause
// roost down: ends the manager and what it runs, and returns once its process is gone.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/figures.h"

namespace roost::cli {
namespace {

constexpr int kEndPatience_ms = 30'000;

int down(const Invocation& invocation) {
  Client client = invocation.connect();
  const pid_t pid = client.manager_pid();
  const FileDescriptor process(static_cast<int>(
      syscall(SYS_pidfd_open, pid, 0)));  // opened before it ends, so that its number can't be another's
  const Json stats = client.call("down");
  if (!client.wait_for_close(std::chrono::milliseconds(kEndPatience_ms)))
    fail("down: the manager (process {}) answered but does not end; see its log", pid);
  pollfd ended{process.get(), POLLIN, 0};
  if (process && poll(&ended, 1, kEndPatience_ms) == 0)
    fail("down: process {} is still there after {} s; see its log", pid, kEndPatience_ms / 1000);
  if (invocation.printed_as_json(stats)) return kFine;
  fmt::print("manager {} has ended: {} packets received, {} transmitted, {} dropped\n", pid,
             grouped(count_of(stats, "received")), grouped(count_of(stats, "transmitted")),
             grouped(sum_of(part_of(stats, "dropped"))));
  return kFine;
}

}  // namespace

void add_down(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "down", "end the manager, its NFs and hosts",
                                 "  roost down\n"
                                 "  roost down --socket /run/roost-lab.sock");
  command.flag("--json", invocation.json, "print the last statistics as JSON");
  command.runs([&] { return down(invocation); });
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable, so that what was begun is also ended. Blocks them
// in the thread that makes it; SIGPIPE is ignored while it lives.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <chrono>

#include "cli/client.h"
#include "core/shared_memory.h"

namespace roost::cli {

class Interrupts {
 public:
  Interrupts() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, &before_);
    pipe_before_ = signal(SIGPIPE, SIG_IGN);
    fd_ = FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC));
    if (!fd_) fail_errno("signals: cannot watch for them");
  }
  ~Interrupts() {
    signal(SIGPIPE, pipe_before_);
    // What has arrived was answered by ending; taken off, so that unblocking does not end us on the spot.
    signalfd_siginfo taken;
    while (arrived() && read(fd_.get(), &taken, sizeof taken) > 0) continue;
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  int fd() const noexcept { return fd_.get(); }
  // Throws Interrupted as soon as one arrives.
  void wait(std::chrono::milliseconds time) const {
    pollfd event{fd_.get(), POLLIN, 0};
    if (poll(&event, 1, static_cast<int>(time.count())) > 0) throw Interrupted("interrupted");
  }

 private:
  bool arrived() const noexcept {
    pollfd event{fd_.get(), POLLIN, 0};
    return poll(&event, 1, 0) > 0;
  }

  FileDescriptor fd_;
  sigset_t before_;
  void (*pipe_before_)(int);
};

}  // namespace roost::cli

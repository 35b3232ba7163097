// SPDX-License-Identifier: BSD-3-Clause
// roostd, started from here: in the background to stay (`roost up`), or for as long as we live (`roost demo`).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "cli/client.h"

namespace roost::cli {

struct ManagerOptions {
  std::string program;      // roostd
  std::string config_path;  // empty: config_text is handed over as standard input, and no file is left behind
  std::string config_text;
  std::string socket;
  std::string log;
  bool outlives_us = false;
  bool paused = false;  // its ports receive nothing until it is told to resume
};

class ManagerProcess {
 public:
  // Throws Error.
  explicit ManagerProcess(const ManagerOptions& options);
  // Ends it, unless it shall outlive us: asks, and kills it and its process group where it does not listen.
  ~ManagerProcess();
  ManagerProcess(const ManagerProcess&) = delete;
  ManagerProcess& operator=(const ManagerProcess&) = delete;

  pid_t pid() const noexcept { return pid_; }

  // Until it answers. Throws Error where it ends or stays silent (last_words() knows more), and Interrupted where
  // `interrupt_fd` (or -1) becomes readable.
  Client wait_until_ready(int interrupt_fd);
  // True once it has ended by itself.
  bool wait_for_end(std::chrono::milliseconds patience);
  // How it ended, and the last lines of its log, as the end of a message.
  std::string last_words() const;

 private:
  void kill_now();

  ManagerOptions options_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace roost::cli

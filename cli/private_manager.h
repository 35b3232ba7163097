// SPDX-License-Identifier: BSD-3-Clause
// A manager of one's own, in a temporary folder, for as long as this lives. It receives nothing until it is told to.
#pragma once

#include <filesystem>
#include <string>

#include "cli/interrupts.h"
#include "cli/manager_process.h"

namespace roost::cli {

class TempFolder {
 public:
  explicit TempFolder(const std::string& name);  // in $TMPDIR, or /tmp
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class PrivateManager {
 public:
  // `name` is the command's; the configuration is TOML. Throws Error.
  PrivateManager(const std::string& name, const std::string& config);

  ManagerProcess& process() noexcept { return process_; }
  const std::string socket() const { return folder_.file("roost.sock"); }
  // What went wrong, with the end of the manager's log, which goes with its folder.
  [[noreturn]] void fail_with_log(const std::string& what);

 private:
  TempFolder folder_;  // goes after the process
  ManagerProcess process_;
};

// Lets it receive, for a moment. `catches_up`: what fell due while nothing was received comes at once, as of a capture
// at its recorded pace; this waits until packets no longer come faster than a moment ago. Throws Interrupted.
void warm_up(Client& client, const Interrupts& interrupts, bool catches_up);

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// A manager that is started to have a capture as its traffic: its chains and NFs as asked, and nothing of it left
// behind.
#pragma once

#include <optional>
#include <string>

#include "cli/private_manager.h"

namespace roost::cli {

struct ReplayOptions {
  std::string pcap;    // replayed again and again
  double speed = 1;    // times its recorded pace
  std::string config;  // chains as in this file; empty: those of `roost demo`, with an NF in each service
  std::string port;    // of that file: by which it comes in; empty: the first one that has a chain
  std::string setup;   // a shell command that starts the NFs; ROOST_SOCKET names the manager
};

class ReplayManager {
 public:
  // Once this is made, packets come. Throws Error, and Interrupted.
  ReplayManager(const ReplayOptions& options, const Interrupts& interrupts);

  Client& client() { return client_.value(); }
  [[noreturn]] void fail_with_log(const std::string& what) { manager_.fail_with_log(what); }

 private:
  void start(const ReplayOptions& options, const Interrupts& interrupts);

  TempFolder folder_;  // of the capture at another pace
  PrivateManager manager_;
  std::optional<Client> client_;
};

}  // namespace roost::cli

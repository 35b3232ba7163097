// SPDX-License-Identifier: BSD-3-Clause
// What tests of hosts that outlive their manager share.
#pragma once

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/integration/manager_process.h"
#include "tests/support/run_program.h"

namespace roost::test::outlive {

constexpr uint32_t kWait_s = kSanitized ? 60 : 15;

inline std::string waits(uint32_t seconds = kWait_s) {
  return fmt::format("[hosts]\noutlive_manager_s = {}\n", seconds);
}

inline bool goes_on(ManagerProcess& manager) {
  const uint64_t before = manager.figure("transmitted");
  return eventually([&] { return manager.figure("transmitted") > before + 100; });
}

inline void kill_manager(ManagerProcess& manager) {
  manager.kill_now(SIGKILL);
  EXPECT_EQ(manager.wait_for_end().status, 128 + SIGKILL);
}

inline std::vector<pid_t> sorted(std::vector<pid_t> pids) {
  std::sort(pids.begin(), pids.end());
  return pids;
}

inline pid_t parent_of(pid_t pid) {
  const std::string stat = content_of(fmt::format("/proc/{}/stat", pid));
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string state;
  pid_t parent = -1;
  fields >> state >> parent;
  return parent;
}

}  // namespace roost::test::outlive

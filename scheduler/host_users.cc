// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/host_users.h"

#include <cap-ng.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/error.h"

namespace roost {

bool has_host_users(const ManagerConfig& config) {
  return config.hosts.user || std::any_of(config.tenants.begin(), config.tenants.end(),
                                          [](const ManagerConfig::Tenant& tenant) { return tenant.user.has_value(); });
}

void check_host_users(const ManagerConfig& config) {
  if (!has_host_users(config)) return;
  capng_get_caps_process();
  // The last one: it ends them.
  const bool able = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) == 1 &&
                    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) == 1 &&
                    capng_have_capability(CAPNG_EFFECTIVE, CAP_KILL) == 1;
  if (!able)
    fail(
        "hosts: 'user' takes a manager that is root, or has CAP_SETUID, CAP_SETGID and CAP_KILL; this one is user {} "
        "without them: start it so, or leave 'user' out of [hosts] and [[tenants]]",
        geteuid());
}

std::optional<uid_t> user_of_process(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Uid:")) continue;
    std::istringstream numbers(line.substr(4));
    uid_t real = 0, effective = 1, saved = 2, files = 3;
    numbers >> real >> effective >> saved >> files;
    if (real == effective && real == saved && real == files) return real;
  }
  return std::nullopt;
}

}  // namespace roost

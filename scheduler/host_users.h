// SPDX-License-Identifier: BSD-3-Clause
// Hosts that run as other users than the manager does.
#pragma once

#include <sys/types.h>

#include <optional>

#include "scheduler/config.h"

namespace roost {

bool has_host_users(const ManagerConfig& config);
// Throws Error where the configuration names users whom this process cannot give its hosts.
void check_host_users(const ManagerConfig& config);
// All of its users, the real one, the effective one and what it could go back to, are this one. Nothing: they are not,
// or there is no such process.
std::optional<uid_t> user_of_process(pid_t pid);

}  // namespace roost

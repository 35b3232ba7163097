// SPDX-License-Identifier: BSD-3-Clause
// Who may do what on the control socket: observers look, operators do everything.
#pragma once

#include <unistd.h>

#include <string_view>

#include "core/socket.h"
#include "scheduler/config.h"

namespace roost {

enum class Role : uint8_t { none, observe, operate };
inline constexpr size_t kRoles = 3;

std::string_view role_name(Role role) noexcept;

// After each connection that is turned away, on either socket: a data loop on the same core does not wait for the next
// one, too, however fast they come.
inline constexpr useconds_t kTurnedAwayPause_us = 100;

class ControlAccess {
 public:
  // `own`: the manager's user, who operates, as root does.
  explicit ControlAccess(uid_t own, const ManagerConfig::Control& control = {}) : own_(own), control_(control) {}

  Role role_of(const Peer& peer) const noexcept;
  // The least role that may ask for it; what is no method at all takes an operator, too.
  static Role needed(std::string_view method) noexcept;

 private:
  uid_t own_;
  ManagerConfig::Control control_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/control_access.h"

#include <algorithm>
#include <array>

namespace roost {
namespace {

// What changes nothing; core/protocol.h says the same.
constexpr std::array<std::string_view, 10> kLooks{"version", "ps",     "stats",  "get",       "chains",
                                                  "ports",   "totals", "events", "rule_list", "rule_show"};

bool names(const Accounts& accounts, const Peer& peer) noexcept {
  const auto in = [](const auto& list, auto one) { return std::find(list.begin(), list.end(), one) != list.end(); };
  return in(accounts.users, peer.uid) || in(accounts.groups, peer.gid) ||
         std::any_of(peer.groups.begin(), peer.groups.end(), [&](gid_t group) { return in(accounts.groups, group); });
}

}  // namespace

std::string_view role_name(Role role) noexcept {
  return role == Role::operate ? "operate" : role == Role::observe ? "observe" : "none";
}

Role ControlAccess::role_of(const Peer& peer) const noexcept {
  if (peer.uid == own_ || peer.uid == 0 || names(control_.operators, peer)) return Role::operate;
  return names(control_.observers, peer) ? Role::observe : Role::none;
}

Role ControlAccess::needed(std::string_view method) noexcept {
  return std::find(kLooks.begin(), kLooks.end(), method) != kLooks.end() ? Role::observe : Role::operate;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// This machine's users and groups, by their names or numbers.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace roost {

struct Accounts {
  std::vector<uid_t> users{};
  std::vector<gid_t> groups{};
  bool empty() const noexcept { return users.empty() && groups.empty(); }
};

struct User {
  std::string name;
  uid_t uid;
  gid_t gid;  // its own group
};

// All throw Error for one that there is not. A number need not have a name: a user's own group is then of the same
// number.
User user_named(const std::string& name);
gid_t group_named(const std::string& name);
// "alice" is a user, "@staff" a group.
void add_account(Accounts& accounts, std::string_view word);

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <charconv>
#include <optional>

#include "core/error.h"

namespace roost {
namespace {

std::optional<uint32_t> number_in(const std::string& text) {
  uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  // -1 is the kernel's "leave it as it is".
  if (read.ec != std::errc() || read.ptr != end || number == UINT32_MAX) return std::nullopt;
  return number;
}

// getpwnam_r and its likes want room, and say when it is too little.
template <typename Entry, typename Ask>
std::optional<Entry> look_up(const Ask& ask) {
  Entry entry{};
  Entry* found = nullptr;
  std::string room(1024, '\0');
  while (ask(entry, room, found) == ERANGE && room.size() < (1U << 20)) room.resize(room.size() * 2);
  if (found == nullptr) return std::nullopt;
  return entry;  // its texts are gone with the room; its numbers are what is asked for
}

}  // namespace

User user_named(const std::string& name) {
  if (name.find('\0') != std::string::npos) fail("a user's name has no zero byte in it");
  const auto number = number_in(name);
  const auto entry = look_up<passwd>([&](passwd& to, std::string& room, passwd*& found) {
    return number ? getpwuid_r(*number, &to, room.data(), room.size(), &found)
                  : getpwnam_r(name.c_str(), &to, room.data(), room.size(), &found);
  });
  if (entry) return {name, entry->pw_uid, entry->pw_gid};
  if (number) return {name, *number, *number};
  fail("no user is called '{}' here; 'getent passwd' lists them", name);
}

gid_t group_named(const std::string& name) {
  if (name.find('\0') != std::string::npos) fail("a group's name has no zero byte in it");
  if (const auto number = number_in(name)) return *number;
  const auto entry = look_up<group>([&](group& to, std::string& room, group*& found) {
    return getgrnam_r(name.c_str(), &to, room.data(), room.size(), &found);
  });
  if (entry) return entry->gr_gid;
  fail("no group is called '{}' here; 'getent group' lists them", name);
}

void add_account(Accounts& accounts, std::string_view word) {
  if (word.starts_with('@'))
    accounts.groups.push_back(group_named(std::string(word.substr(1))));
  else
    accounts.users.push_back(user_named(std::string(word)).uid);
}

}  // namespace roost

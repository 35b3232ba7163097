// SPDX-License-Identifier: BSD-3-Clause
// What a manager leaves in writing for the one that comes after it: entries by key, in memory whose descriptor the
// nursery keeps. Each change is a line that is appended, so that a manager that dies in the middle of one leaves half a
// line, which is not read. Costs what changes; now and then all of it is written anew. Control thread only.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/protocol.h"
#include "core/shared_memory.h"

namespace roost {

class Roster {
 public:
  Roster();  // throws Error, as all of these do

  // True: it has been written anew, into other memory, which the nursery is to be given.
  [[nodiscard]] bool put(const std::string& key, const Json& value);
  [[nodiscard]] bool erase(const std::string& key);
  int fd() const noexcept { return memory_.get(); }

  using Entries = std::map<std::string, Json>;
  static Entries read(std::string_view text);

 private:
  static constexpr size_t kSlack = size_t{1} << 20;

  bool append(const std::string& line);

  FileDescriptor memory_;
  std::map<std::string, std::string> lines_;  // by key
  size_t live_ = 0, written_ = 0;             // bytes: of these lines, and of all that were ever written
};

}  // namespace roost

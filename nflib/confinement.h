// SPDX-License-Identifier: BSD-3-Clause
// What a host gives up before it runs an NF's code: capabilities, new privileges, and system calls that packet code has
// no use for. docs/security.md says what that protects from what.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/host_region.h"

namespace roost {

struct ConfinementOptions {
  enum class Filter : uint8_t {
    strict,  // a call that is not listed fails with EPERM, and is counted and reported
    log,     // it is done, and the kernel writes it into its audit log
    off,
  };
  Filter filter = Filter::strict;
  std::vector<std::string> allow{};  // further system calls, by name, whatever their arguments
  uint32_t descriptors_max = 1'024;
  bool users = false;  // it keeps what become() takes, and nothing else
};

// Whom a host runs as.
struct HostUser {
  uid_t uid;
  gid_t gid;
};

class Confinement {
 public:
  // For the whole process, and what is forked from it: no capabilities, no new privileges, limits, memory that others
  // of the same user can't look into. Builds the filter, which takes milliseconds. Throws Error.
  explicit Confinement(const ConfinementOptions& options);

  // In a host, before it attaches; the nursery has a descriptor for each of its hosts.
  void limit_descriptors() const;
  // In a host that has not attached: it is that user from here on, of one group, and has no capabilities. Throws Error.
  static void become(const HostUser& user);

  // In a host that has attached: from here on all its threads are bound by the filter. Throws Error.
  void enter(const HostRegion& region) const;

  // The filter, as the kernel takes it; for tests.
  const std::vector<sock_filter>& program() const noexcept { return program_; }

 private:
  ConfinementOptions options_;
  std::vector<sock_filter> program_;
};

// The words of a command line, "strict" and "socket,connect"; throws Error.
ConfinementOptions::Filter filter_named(std::string_view name);
std::vector<std::string> words_between_commas(std::string_view text);

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// NF modules as hosts get them: sealed private copies, so that replacing or truncating the file hurts nobody, and hosts
// of the same module share its pages.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>

#include "core/shared_memory.h"

namespace roost {

// Of a file: whether it is still as it was.
struct ModuleVersion {
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  int64_t changed_ns = 0;
  static ModuleVersion of(const struct stat& status) noexcept {
    return {status.st_dev, status.st_ino, status.st_size,
            status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
  }
  auto operator<=>(const ModuleVersion&) const = default;
};

struct ModuleCopy {
  uint32_t id = 0;
  std::string path;
  FileDescriptor memory;
  ModuleVersion version{};
};

class ModuleStore {
 public:
  // The copy of the file as it is now; a file that has changed since gets a new copy. Throws Error.
  const ModuleCopy& open(const std::string& path);
  // A copy that a manager before this one has made, under its number. Throws Error.
  const ModuleCopy& adopt(ModuleCopy copy);

 private:
  std::map<ModuleVersion, ModuleCopy> copies_;
  uint32_t next_id_ = 1;
};

}  // namespace roost

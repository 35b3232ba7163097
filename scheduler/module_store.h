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

struct ModuleCopy {
  uint32_t id = 0;
  std::string path;
  FileDescriptor memory;
};

class ModuleStore {
 public:
  // The copy of the file as it is now; a file that has changed since gets a new copy. Throws Error.
  const ModuleCopy& open(const std::string& path);

 private:
  struct Version {
    dev_t device;
    ino_t inode;
    off_t bytes;
    int64_t changed_ns;
    auto operator<=>(const Version&) const = default;
  };
  std::map<Version, ModuleCopy> copies_;
  uint32_t next_id_ = 1;
};

}  // namespace roost

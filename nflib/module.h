// SPDX-License-Identifier: BSD-3-Clause
// A loaded NF module: a shared object with NFs of one class in it.
#pragma once

#include <roost/nf.h>

#include <string>

#include "core/shared_memory.h"

namespace roost {

class Module {
 public:
  // `file` is a private copy of the module, sealed by the manager; `path` is where the module came from, for messages.
  // Runs the module's initialisers. Throws Error: not a shared object, not an NF module, built for another version,
  // symbols that this host lacks.
  Module(FileDescriptor file, const std::string& path);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const ModuleDescriptor& descriptor() const noexcept { return *descriptor_; }
  const std::string& path() const noexcept { return path_; }

 private:
  FileDescriptor file_;  // stays open: the loader knows libraries by name, and this one's name is the descriptor's
  std::string path_;
  void* library_ = nullptr;
  const ModuleDescriptor* descriptor_ = nullptr;
};

}  // namespace roost

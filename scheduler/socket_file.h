// SPDX-License-Identifier: BSD-3-Clause
// A socket's name in the file system, which goes with its owner.
#pragma once

#include <unistd.h>

#include <string>

namespace roost {

struct SocketFile {
  std::string path{};
  SocketFile() = default;
  ~SocketFile() {
    if (!path.empty()) unlink(path.c_str());
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Which socket a name in the file system is, so that another one's, that has the same name by then, is told apart.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>

namespace roost {

class SocketName {
 public:
  SocketName() = default;
  explicit SocketName(std::string path) noexcept;  // as it is now
  void remove() const noexcept;                    // where it is still that one

 private:
  bool names_it(const std::string& path) const noexcept;

  std::string path_{};
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: there was none
  timespec made_{};
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/socket_name.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace roost {

SocketName::SocketName(std::string path) noexcept : path_(std::move(path)) {
  struct stat status {};
  if (lstat(path_.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  made_ = status.st_mtim;
}

bool SocketName::names_it(const std::string& path) const noexcept {
  struct stat status {};
  return inode_ != 0 && lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && status.st_dev == device_ &&
         status.st_ino == inode_ && status.st_mtim.tv_sec == made_.tv_sec && status.st_mtim.tv_nsec == made_.tv_nsec;
}

// A new manager may give the name to its own socket between any two of these calls.
void SocketName::remove() const noexcept {
  const std::string aside = path_ + ".gone";
  if (!names_it(path_) || rename(path_.c_str(), aside.c_str()) != 0) return;
  if (names_it(aside))
    unlink(aside.c_str());
  else
    rename(aside.c_str(), path_.c_str());
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/module_store.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace roost {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

// Only what cannot be a module at all is refused here; hosts, which can afford to fail, look closer.
void check_elf(int fd, const std::string& path) {
  unsigned char ident[EI_NIDENT] = {};
  if (pread(fd, ident, sizeof ident, 0) != ssize_t{sizeof ident} || std::memcmp(ident, ELFMAG, SELFMAG) != 0)
    fail("module '{}': not a shared object; build NFs with roost_add_nf", path);
}

}  // namespace

const ModuleCopy& ModuleStore::open(const std::string& path) {
  // Non-blocking: a FIFO must not hold up the manager.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) fail_errno("module '{}'", path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail_errno("module '{}'", path);
  if (!S_ISREG(status.st_mode)) fail("module '{}': not a file", path);
  const ModuleVersion version = ModuleVersion::of(status);
  if (const auto found = copies_.find(version); found != copies_.end()) return found->second;
  check_elf(file.get(), path);
  ModuleCopy copy{next_id_++, path, FileDescriptor(memfd_create("roost-module", MFD_CLOEXEC | MFD_ALLOW_SEALING)),
                  version};
  if (!copy.memory) fail_errno("module '{}': memfd_create", path);
  for (off_t at = 0; at < status.st_size;) {
    const ssize_t bytes = sendfile(copy.memory.get(), file.get(), &at, static_cast<size_t>(status.st_size - at));
    if (bytes < 0) fail_errno("module '{}': cannot copy it", path);
    if (bytes == 0) fail("module '{}': became shorter while it was read; spawn again when it is written", path);
  }
  if (fcntl(copy.memory.get(), F_ADD_SEALS, kSeals) != 0) fail_errno("module '{}': cannot seal its copy", path);
  return copies_.emplace(version, std::move(copy)).first->second;
}

const ModuleCopy& ModuleStore::adopt(ModuleCopy copy) {
  if (fcntl(copy.memory.get(), F_GET_SEALS) != kSeals) fail("module '{}': its copy is not sealed", copy.path);
  next_id_ = std::max(next_id_, copy.id + 1);
  const auto [at, is_new] = copies_.emplace(copy.version, std::move(copy));
  if (!is_new) fail("module '{}': there is a copy already", at->second.path);
  return at->second;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/shared_memory.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <numaif.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "core/error.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace roost {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

size_t free_huge_pages() {
  size_t pages = 0;
  if (FILE* file = std::fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages;
}

void* map_at(int fd, size_t bytes, uintptr_t at, int protection, int flags) {
  const int fixed = at != 0 ? MAP_FIXED_NOREPLACE : 0;
  return mmap(reinterpret_cast<void*>(at), bytes, protection, MAP_SHARED | flags | fixed, fd, 0);
}

// A hugetlb page that cannot be had when it is touched is a SIGBUS, so all of them are reserved now: no MAP_NORESERVE.
// False: there are not enough, whatever the count of free ones says (others may have reserved them).
bool create_huge(const SharedMemoryOptions& options, size_t bytes, FileDescriptor& fd, void*& at) {
  fd = FileDescriptor(memfd_create(options.name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return false;
  at = map_at(fd.get(), bytes, options.at, PROT_READ | PROT_WRITE, 0);
  if (at == MAP_FAILED && errno != ENOMEM)
    fail_errno("shared memory '{}': cannot map {} bytes at {:#x}", options.name, bytes, options.at);
  return at != MAP_FAILED;
}

void check_sealed(int fd, size_t bytes, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0) fail_errno("shared memory '{}': not a usable descriptor", name);
  if (static_cast<size_t>(status.st_size) != bytes)
    fail("shared memory '{}': has {} bytes where {} were announced", name, status.st_size, bytes);
  if ((fcntl(fd, F_GET_SEALS) & kSeals) != kSeals) fail("shared memory '{}': is not sealed", name);
}

void bind_to_node(void* memory, size_t bytes, int node, const std::string& name) {
  unsigned long mask[16] = {};
  if (node < 0 || node >= int{sizeof mask * 8}) return;
  mask[static_cast<size_t>(node) / 64] = 1ul << (static_cast<size_t>(node) % 64);
  // Containers often forbid mbind; memory elsewhere is slower, not wrong.
  if (mbind(memory, bytes, MPOL_PREFERRED, mask, sizeof mask * 8, 0) != 0 && errno != ENOSYS && errno != EPERM)
    fail_errno("shared memory '{}': cannot bind it to NUMA node {}", name, node);
}

}  // namespace

const char* page_kind_name(PageKind kind) noexcept {
  switch (kind) {
    case PageKind::huge:
      return "2 MiB hugepages";
    case PageKind::transparent_huge:
      return "4 KiB pages, transparent hugepages allowed";
    case PageKind::small:
      break;
  }
  return "4 KiB pages";
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

SharedMemory SharedMemory::create(const SharedMemoryOptions& options) {
  SharedMemory memory;
  const size_t huge_bytes = round_up(options.bytes, kHugePage);
  void* at = MAP_FAILED;
  if (options.hugepages != Hugepages::never && free_huge_pages() * kHugePage >= huge_bytes &&
      create_huge(options, huge_bytes, memory.fd_, at))
    memory.page_kind_ = PageKind::huge;
  if (options.hugepages == Hugepages::require && memory.page_kind_ != PageKind::huge)
    fail(
        "shared memory '{}': needs {} free 2 MiB hugepages that nobody has reserved, {} are free; reserve them (sysctl "
        "vm.nr_hugepages) or set "
        "memory.hugepages to \"auto\"",
        options.name, huge_bytes / kHugePage, free_huge_pages());
  memory.bytes_ = memory.page_kind_ == PageKind::huge ? huge_bytes : round_up(options.bytes, 4096);
  if (memory.page_kind_ != PageKind::huge) {
    memory.fd_ = FileDescriptor(memfd_create(options.name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.fd_) fail_errno("shared memory '{}': memfd_create", options.name);
    if (ftruncate(memory.fd(), static_cast<off_t>(memory.bytes_)) != 0)
      fail_errno("shared memory '{}': cannot size it to {} bytes", options.name, memory.bytes_);
    at = map_at(memory.fd(), memory.bytes_, options.at, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    if (at == MAP_FAILED)
      fail_errno("shared memory '{}': cannot map {} bytes at {:#x}", options.name, memory.bytes_, options.at);
  }
  memory.data_ = static_cast<std::byte*>(at);
  bind_to_node(at, memory.bytes_, options.numa_node, options.name);
  if (options.hugepages != Hugepages::never && memory.page_kind_ == PageKind::small && memory.bytes_ >= 2 * kHugePage &&
      madvise(at, memory.bytes_, MADV_HUGEPAGE) == 0)
    memory.page_kind_ = PageKind::transparent_huge;
  madvise(at, memory.bytes_, MADV_DONTDUMP);
  const int seals = kSeals | (options.writable_by_others ? 0 : F_SEAL_FUTURE_WRITE);
  if (fcntl(memory.fd(), F_ADD_SEALS, seals) != 0) fail_errno("shared memory '{}': cannot seal it", options.name);
  return memory;
}

SharedMemory SharedMemory::attach(FileDescriptor fd, size_t bytes, uintptr_t at, bool writable,
                                  const std::string& name) {
  check_sealed(fd.get(), bytes, name);
  SharedMemory memory;
  void* data = map_at(fd.get(), bytes, at, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_NORESERVE);
  if (data == MAP_FAILED) fail_errno("shared memory '{}': cannot map {} bytes at {:#x}", name, bytes, at);
  madvise(data, bytes, MADV_DONTFORK);  // an NF's children have no business with packets
  memory.fd_ = std::move(fd);
  memory.data_ = static_cast<std::byte*>(data);
  memory.bytes_ = bytes;
  return memory;
}

void SharedMemory::map_over(FileDescriptor fd, bool writable, const std::string& name) {
  check_sealed(fd.get(), bytes_, name);
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  if (mmap(data_, bytes_, protection, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd.get(), 0) == MAP_FAILED)
    fail_errno("shared memory '{}': cannot map {} bytes over {}", name, bytes_, static_cast<void*>(data_));
  madvise(data_, bytes_, MADV_DONTFORK);
  fd_.reset();
}

void SharedMemory::let_go(const std::string& name) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap(data_, bytes_, PROT_NONE, kFlags, -1, 0) == MAP_FAILED)
    fail_errno("shared memory '{}': cannot give {} bytes up", name, bytes_);
  fd_.reset();
}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  if (this != &other) {
    unmap();
    fd_ = std::move(other.fd_);
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    page_kind_ = other.page_kind_;
  }
  return *this;
}

void SharedMemory::unmap() noexcept {
  if (data_ != nullptr) munmap(data_, bytes_);
  data_ = nullptr;
}

}  // namespace roost

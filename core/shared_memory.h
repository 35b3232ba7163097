// SPDX-License-Identifier: BSD-3-Clause
// Memory that the manager shares with hosts: a sealed memfd and its mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace roost {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

enum class Hugepages : uint8_t { automatic, never, require };

enum class PageKind : uint8_t { small, transparent_huge, huge };
const char* page_kind_name(PageKind kind) noexcept;

struct SharedMemoryOptions {
  std::string name;                        // shows in /proc/PID/maps
  size_t bytes = 0;                        // rounded up to whole pages
  uintptr_t at = 0;                        // a fixed address, 0: anywhere
  Hugepages hugepages = Hugepages::never;  // automatic: hugetlb, else transparent, else 4 KiB pages
  bool writable_by_others = true;          // false: whoever maps it later maps it read-only (F_SEAL_FUTURE_WRITE)
  int numa_node = -1;                      // bind the pages there, -1: wherever they are touched first
};

class SharedMemory {
 public:
  SharedMemory() = default;
  // Creates, maps and seals (against shrinking, growing and unsealing: nobody can pull mapped memory away). Sparse
  // where it is not on hugetlb pages: a page costs memory once it is touched. Throws Error.
  static SharedMemory create(const SharedMemoryOptions& options);
  // Maps what another process created; the size must match and the seals must hold. Throws Error.
  static SharedMemory attach(FileDescriptor fd, size_t bytes, uintptr_t at, bool writable, const std::string& name);

  SharedMemory(SharedMemory&& other) noexcept { *this = static_cast<SharedMemory&&>(other); }
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory() { unmap(); }

  // In its place, at the same addresses, what another process created: of the same size, sealed. Throws Error; what
  // was mapped may be gone then.
  void map_over(FileDescriptor fd, bool writable, const std::string& name);
  // Gives the memory up and keeps its addresses, where nothing can be read or written. Throws Error.
  void let_go(const std::string& name);

  std::byte* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }
  int fd() const noexcept { return fd_.get(); }
  PageKind page_kind() const noexcept { return page_kind_; }
  size_t page_bytes() const noexcept { return page_kind_ == PageKind::huge ? size_t{2} << 20 : 4096; }
  // The mapping stays; nothing can be sent or mapped from it any more.
  void close_descriptor() noexcept { fd_.reset(); }

 private:
  void unmap() noexcept;

  FileDescriptor fd_;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  PageKind page_kind_ = PageKind::small;
};

}  // namespace roost

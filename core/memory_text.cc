// SPDX-License-Identifier: BSD-3-Clause
#include "core/memory_text.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "core/error.h"

namespace roost {

FileDescriptor text_in_memory(const std::string& name, std::string_view text) {
  FileDescriptor memory(memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!memory) fail_errno("text '{}': memfd_create", name);
  append_text(memory.get(), 0, text);
  return memory;
}

void append_text(int fd, size_t at, std::string_view text) {
  while (!text.empty()) {
    const ssize_t bytes = pwrite(fd, text.data(), text.size(), static_cast<off_t>(at));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) fail_errno("text in memory: cannot write {} bytes", text.size());
    at += static_cast<size_t>(bytes);
    text.remove_prefix(static_cast<size_t>(bytes));
  }
}

std::string text_of(int fd) {
  std::string text;
  std::array<char, 16 << 10> piece;
  for (;;) {
    const ssize_t bytes = pread(fd, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail_errno("text in memory: cannot read it");
    if (bytes == 0) return text;
    text.append(piece.data(), static_cast<size_t>(bytes));
  }
}

}  // namespace roost

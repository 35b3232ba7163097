// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/arenas.h"

#include <sys/mman.h>

#include <utility>

#include "core/error.h"
#include "core/packet_memory.h"

namespace roost {

SharedMemory map_arena(FileDescriptor fd, uint32_t node, size_t bytes) {
  constexpr uint64_t kWindowBytes = uint64_t{kHandlesPerNode} * kStrideBytes;
  if (node >= kNodesMax || bytes == 0 || bytes > kWindowBytes)
    fail("packet memory: node {} with {} bytes; a node has 1 to {} bytes, and there are {} nodes at most", node, bytes,
         kWindowBytes, kNodesMax);
  SharedMemory arena = SharedMemory::attach(std::move(fd), bytes, kArenaBase + node * kWindowBytes, true,
                                            fmt::format("packets of node {}", node));
  arena.close_descriptor();
  map_page_before(arena.data());
  return arena;
}

void map_page_before(const void* arena) {
  constexpr size_t kPage = 4096;
  void* const at = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(arena) - kPage);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  // It stays until the process ends. Something is there already: as good.
  if (mmap(at, kPage, PROT_READ, flags, -1, 0) == MAP_FAILED && errno != EEXIST)
    fail_errno("packet memory: cannot map the page before it");
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/arenas.h"

#include <sys/mman.h>

#include <utility>

#include "core/error.h"
#include "core/packet_memory.h"

namespace roost {

SharedMemory map_arena(FileDescriptor fd, uint32_t first_handle, size_t bytes) {
  if (first_handle >= kHandlesPerNode || first_handle % kDomainHandles != 0)
    fail("packet memory: an arena that begins with handle {}; they begin at multiples of {} below {}", first_handle,
         kDomainHandles, kHandlesPerNode);
  const uint64_t most = uint64_t{kHandlesPerNode - first_handle} * kStrideBytes;
  if (bytes == 0 || bytes > most)
    fail("packet memory: {} bytes from handle {} on; it has 1 to {} there", bytes, first_handle, most);
  SharedMemory arena = SharedMemory::attach(std::move(fd), bytes, packet_address(first_handle), true,
                                            fmt::format("packets from {} on", first_handle));
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

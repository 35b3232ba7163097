// SPDX-License-Identifier: BSD-3-Clause
// Packet memory as a host maps it: the arena of its domain, where that has its addresses.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/shared_memory.h"

namespace roost {

// Maps the arena that begins with this handle, writable. Closes the descriptor. Throws Error.
SharedMemory map_arena(FileDescriptor fd, uint32_t first_handle, size_t bytes);

// rte_pktmbuf_detach (so: freeing a clone) reads a header that plain mempools keep before each object, to compute a
// device address that nobody here uses. Before the first view of an arena that would be unmapped: this maps a page of
// zeroes there, if nothing is.
void map_page_before(const void* arena);

}  // namespace roost

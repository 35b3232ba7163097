// SPDX-License-Identifier: BSD-3-Clause
// A file of its own: where the compiler sees both these and their users, it takes free() for a mistake.
#include "tests/scheduler/allocations.h"

#include <cstdlib>
#include <new>

namespace {
thread_local uint64_t t_allocations = 0;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(size_t bytes) {
  ++t_allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace roost::test {

uint64_t allocations() noexcept { return t_allocations; }

}  // namespace roost::test

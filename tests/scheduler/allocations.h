// SPDX-License-Identifier: BSD-3-Clause
// Counts what a test program allocates with new; linked in, it takes the place of the library's operators. Sanitizers
// have operators of their own, so nothing is counted where they are.
#pragma once

#include <cstdint>

namespace roost::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsAllocations = false;
#else
inline constexpr bool kCountsAllocations = true;
#endif

uint64_t allocations() noexcept;  // by this thread, so far

}  // namespace roost::test

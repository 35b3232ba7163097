// SPDX-License-Identifier: BSD-3-Clause
// Counts what a test program allocates with new; linked in, it takes the place of the library's operators.
#pragma once

#include <cstdint>

namespace roost::test {

uint64_t allocations() noexcept;  // by this thread, so far

}  // namespace roost::test

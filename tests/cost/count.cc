// SPDX-License-Identifier: BSD-3-Clause
#include "tests/cost/count.h"

namespace {
thread_local uint64_t t_blocks = 0;
}

// The compiler has each basic block call this (-fsanitize-coverage=trace-pc).
extern "C" void __sanitizer_cov_trace_pc() { ++t_blocks; }

namespace roost::test {

uint64_t blocks_run() noexcept { return t_blocks; }

}  // namespace roost::test

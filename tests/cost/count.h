// SPDX-License-Identifier: BSD-3-Clause
// How much code has run, by count instead of by clock: the basic blocks of the sources that are compiled for it
// (tests/CMakeLists.txt). The same run gives the same count, on any machine.
#pragma once

#include <cstdint>

namespace roost::test {

uint64_t blocks_run() noexcept;  // by this thread, so far

template <typename Work>
uint64_t cost_of(Work&& work) {
  const uint64_t before = blocks_run();
  work();
  return blocks_run() - before;
}

}  // namespace roost::test

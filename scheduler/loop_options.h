// SPDX-License-Identifier: BSD-3-Clause
// What a data loop is made with, besides its ports, services and chains.
#pragma once

#include <cstdint>
#include <vector>

namespace roost {

struct LoopOptions {
  uint64_t tsc_hz = 0;
  uint32_t nfs_max = 1 << 20;  // address space, not memory
  uint32_t hosts_max = 1 << 16;
  uint32_t path_units = 1 << 20;
  uint32_t flows4_max = 1 << 17;
  uint32_t flows_wide_max = 1 << 15;
  int wake_core = -1;        // a core of its own for waking, -1: folded into this loop
  bool shares_core = false;  // NFs run on the loop's core: it lets them, when it has nothing to do
  struct Core {
    uint32_t cpu = 0, node = 0;
  };
  std::vector<Core> shared{};  // by number; workers move among these only
};

}  // namespace roost

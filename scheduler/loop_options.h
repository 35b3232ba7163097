// SPDX-License-Identifier: BSD-3-Clause
// What a data loop is made with, besides its ports, services and chains.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/thread_order.h"

namespace roost {

class LoopLinks;
class WakeThread;

// Of a host's thread; false: it is none of that process, or the kernel refuses.
using OrderThread = std::function<bool(pid_t process, pid_t thread, ThreadOrder order)>;

struct LoopOptions {
  uint64_t tsc_hz = 0;
  uint32_t nfs_max = 1 << 20;  // address space, not memory
  uint32_t hosts_max = 1 << 16;
  uint32_t path_units = 1 << 20;
  uint32_t flows4_max = 1 << 17;
  uint32_t flows_wide_max = 1 << 15;
  std::shared_ptr<WakeThread> wakes{};  // on a core of its own, for all loops; null: each does it by itself
  bool shares_core = false;    // NFs or other loops run on the loop's core: it lets them, when it has nothing to do
  LoopLinks* links = nullptr;  // to other loops; null: it is alone
  uint32_t number = 0;         // among the loops
  struct Core {
    uint32_t cpu = 0, node = 0;
    bool own = true;  // false: it belongs to another loop
  };
  std::vector<Core> shared{};  // by number; workers move among the loop's own only
  OrderThread order_thread{};  // none: no worker is set back
};

}  // namespace roost

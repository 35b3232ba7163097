// SPDX-License-Identifier: BSD-3-Clause
// Work in a process of its own, with those that it starts in a process group of their own, so that nothing is left of
// them whatever becomes of it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "core/protocol.h"

namespace roost::experiment {

struct ForkedOutcome {
  Json result;
  std::string error{};       // empty: it went well
  bool interrupted = false;  // `interrupt_fd` became readable; the work was asked to end, and has
  double cpu_s = 0;          // of the process and of all below it that were waited for
};

// `work` runs in a child of this process, which must have one thread only; what it returns or throws comes back. Once
// `interrupt_fd` is readable the child gets SIGTERM, and after `patience` SIGKILL with its whole group.
ForkedOutcome run_forked(const std::function<Json()>& work, int interrupt_fd,
                         std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace roost::experiment

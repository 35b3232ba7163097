// SPDX-License-Identifier: BSD-3-Clause
// A host that dies of a fault (a wild pointer, abort(), an exception that nobody catches) says first in which NF that
// was. The manager reads it when the host has gone; see docs/decisions/0033.
#pragma once

#include <array>
#include <cstddef>

#include "core/host_region.h"

namespace roost {

// From here on faults of this process are noted there, and then end it as they would have. Sanitized builds leave them
// to the sanitizer. Throws Error.
void install_crash_handler(CrashNote& note);

// The handler's stack, of the thread that makes this, as long as it lives: what faults may be a stack that is full.
// Never touched, it costs address space alone.
class SignalStack {
 public:
  SignalStack() noexcept;
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  alignas(64) std::array<std::byte, 16 << 10> memory_;
};

}  // namespace roost

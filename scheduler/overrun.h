// SPDX-License-Identifier: BSD-3-Clause
// What the data loop tells the control thread of a dispatch that does not end.
#pragma once

#include <cstdint>

namespace roost {

struct Overrun {
  enum class Kind : uint8_t { seen, taken, ended, stuck } kind;
  uint32_t host;
  uint32_t nf;  // its number in the host, as the host says it
  uint64_t dispatches;
  // Seen: for how long its process has had the processor meanwhile sufficed. If not, it is blocked, or it waits for the
  // processor: who knows better decides, and is told again after as long a time.
  bool ran = true;
};

}  // namespace roost

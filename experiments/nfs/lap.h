// SPDX-License-Identifier: BSD-3-Clause
// What a pulse carries, behind its Ethernet header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace roost::experiment {

struct Lap {
  uint64_t received_tsc;
  uint64_t called_tsc;
};
inline constexpr size_t kLapOffset = 16;

}  // namespace roost::experiment

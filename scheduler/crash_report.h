// SPDX-License-Identifier: BSD-3-Clause
// What a host that has died left in its region about its end. The host could write all of it: each word is read once
// and checked, and decides about NFs of that host alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/host_region.h"

namespace roost {

struct CrashReport {
  static constexpr size_t kTurnsTold = 16;

  uint32_t signal = 0;                 // that the host caught; 0: it says nothing of one
  uint64_t address = 0;                // of that fault; 0: not known
  std::optional<uint32_t> at_fault{};  // NFs by their places in the host: in whose dispatch the fault was
  std::optional<uint32_t> current{};   // that its worker was dispatching
  std::vector<uint32_t> last_turns{};  // of its worker, the latest last
};

CrashReport read_crash_report(const HostRegion& region);

// Whose doing the end was, as far as that can be told from the process's status (waitpid's, -1: unknown): whoever was
// in a dispatch when a fault came or the process ended itself. Not when it was ended from outside.
std::optional<uint32_t> blamed_place(const CrashReport& report, int status);

}  // namespace roost

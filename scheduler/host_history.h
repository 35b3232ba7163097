// SPDX-License-Identifier: BSD-3-Clause
// What became of a host so far: it goes on in the host that is started in its place. Control thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "core/protocol.h"
#include "scheduler/policy/restart.h"

namespace roost {

struct HostHistory {
  enum class End : uint8_t { asked, clean, failed };

  RestartBackoff backoff{};
  uint32_t restarts = 0;
  uint32_t managers = 0;              // that it had before this one
  uint64_t since_ms = 0;              // it lives, by the clock of Manager::now_ms()
  End end = End::asked;               // once it is dead
  uint64_t due_ms = 0;                // when it is to be started again, if it is
  std::optional<uint32_t> suspect{};  // the NF for which the manager has ended it
  Json last_crash{};                  // of a host before it, as ps shows it; null: none
};

}  // namespace roost

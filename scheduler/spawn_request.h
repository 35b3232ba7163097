// SPDX-License-Identifier: BSD-3-Clause
// What NFs are asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/protocol.h"
#include "scheduler/host_link.h"

namespace roost {

struct ModuleCopy;

struct SpawnRequest {
  std::string module;
  std::string service;
  uint32_t count = 1;
  Tier tier = Tier::fiber;
  bool dedicated = false;  // on a core of the host's own, which polls
  std::string tenant = "default";
  Json config = Json::object();
  std::optional<uint64_t> weight{};  // of the NFs' own
  const ModuleCopy* copy = nullptr;  // of this copy of the module, whatever its file is now; null: as it is now
};

}  // namespace roost

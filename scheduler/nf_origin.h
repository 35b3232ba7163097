// SPDX-License-Identifier: BSD-3-Clause
// What NFs were started from: enough to start others like them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/protocol.h"
#include "scheduler/host_link.h"
#include "scheduler/module_store.h"

namespace roost {

struct NfOrigin {
  const ModuleCopy* copy = nullptr;  // of the file as it was then; the store keeps it
  Tier tier = Tier::fiber;
  bool dedicated = false;
  std::string tenant;
  Json config;
  std::optional<uint64_t> weight{};
};

}  // namespace roost

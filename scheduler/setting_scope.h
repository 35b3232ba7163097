// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace roost {

// Whose settings are meant: these NFs', this service's, or, where both are empty, the manager's.
struct SettingScope {
  std::string service{};
  std::vector<uint32_t> nfs{};
  bool is_manager() const noexcept { return service.empty() && nfs.empty(); }
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What may be a name, and what may be a chain: the same for the configuration and for changes while the manager runs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace roost {

inline constexpr size_t kNameMax = 63;
bool is_name(const std::string& name) noexcept;  // 1 to kNameMax letters, digits, '-', '_' and '.'

// Nothing, or why no chain can visit these services in this order.
std::optional<std::string> chain_problem(const std::string& chain, const std::vector<std::string>& services);

}  // namespace roost

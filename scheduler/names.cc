// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/path.h"

namespace roost {

bool is_name(const std::string& name) noexcept {
  return !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

std::optional<std::string> chain_problem(const std::string& chain, const std::vector<std::string>& services) {
  if (services.empty()) return fmt::format("chain '{}': no services; list at least one", chain);
  if (services.size() > kHopsMax)
    return fmt::format("chain '{}': {} services; a chain has {} hops at most", chain, services.size(), kHopsMax);
  std::set<std::string> seen;
  for (const auto& service : services)
    if (!seen.insert(service).second)
      return fmt::format("chain '{}': a loop: it comes to service '{}' twice; a packet visits a service once", chain,
                         service);
  return std::nullopt;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/domains.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace roost {

Domains::Domains(const ManagerConfig& config) : names_{std::string(kDefaultDomain)}, tenants_(1) {
  for (const auto& domain : config.domains) {
    names_.push_back(domain.name);
    tenants_.push_back(domain.tenants);
  }
  for (const auto& service : config.services) of_service_.push_back(service.domain);
}

void Domains::check_tenant(uint16_t service, const std::string& tenant) const {
  const uint8_t domain = of_service(service);
  const auto& allowed = tenants_[domain];
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), tenant) != allowed.end()) return;
  fail("tenant '{}' has no place in domain '{}', which is for {}; its service has that domain in the configuration",
       tenant, name(domain), fmt::join(allowed, ", "));
}

}  // namespace roost

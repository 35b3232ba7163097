// SPDX-License-Identifier: BSD-3-Clause
// Domains as the control side knows them: which service's NFs live in which, and whose may. The one that is always
// there is number 0. Control thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/config.h"

namespace roost {

class Domains {
 public:
  explicit Domains(const ManagerConfig& config);

  size_t count() const noexcept { return names_.size(); }
  const std::string& name(uint8_t domain) const { return names_[domain]; }
  uint8_t of_service(uint16_t service) const { return of_service_[service]; }
  // Throws Error where the service's domain is not for this tenant.
  void check_tenant(uint16_t service, const std::string& tenant) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> tenants_;  // by domain; none: all
  std::vector<uint8_t> of_service_;
};

}  // namespace roost

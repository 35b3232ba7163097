// SPDX-License-Identifier: BSD-3-Clause
// [[domains]]: hosts that may see each other's packets, and how many there are of these.
#include <algorithm>

#include "core/packet_memory.h"
#include "scheduler/config_parts.h"
#include "scheduler/names.h"

namespace roost {
namespace {

constexpr int64_t kDomainPacketsMin = 1'024;

void read_allowed(TableReader& reader, std::vector<std::string>& tenants) {
  const toml::array* const array = reader.array("tenants");
  if (array == nullptr) return;
  for (const toml::node& item : *array) {
    const auto* const name = item.as_string();
    if (name == nullptr || !is_name(name->get()))
      reader.problems().add(item.source(), "{}: tenants lists what is no name; give names in quotes", reader.name());
    else
      tenants.push_back(name->get());
  }
  if (array->empty())
    reader.problems().add(reader.where("tenants"),
                          "{}: tenants lists nobody; name those whose NFs may be there, or leave it out",
                          reader.name());
}

}  // namespace

void read_domains(TableReader& root, ManagerConfig& config) {
  std::vector<std::string> names;
  const auto tables = root.tables("domains");
  uint64_t handles = domain_handles(config.memory.packets);
  for (const toml::table* table : tables) {
    TableReader reader(*table, "domain", root.problems());
    ManagerConfig::Domain domain;
    domain.name = read_name(reader, "domain", names);
    if (domain.name == kDefaultDomain)
      reader.problems().add(reader.where("name"),
                            "{}: is the one that is always there; memory.packets is its size, so leave this one out",
                            reader.name());
    reader.into(domain.packets, "packets", kDomainPacketsMin, kHandlesPerNode - 1);
    read_allowed(reader, domain.tenants);
    reader.finish();
    handles += domain_handles(domain.packets);
    config.domains.push_back(std::move(domain));
  }
  if (handles > kHandlesPerNode && !tables.empty())
    root.problems().add(
        root.where("domains"),
        "[[domains]]: with memory.packets they have {} packets, each rounded up to a multiple of {}; {} "
        "is the most, so lower some",
        handles, kDomainHandles, kHandlesPerNode);
}

uint8_t read_domain(TableReader& reader, const std::vector<ManagerConfig::Domain>& domains) {
  const auto name = reader.text("domain");
  if (!name || *name == kDefaultDomain) return 0;
  std::vector<std::string_view> known{kDefaultDomain};
  for (const auto& domain : domains) known.push_back(domain.name);
  const auto found = std::find(known.begin(), known.end(), *name);
  if (found != known.end()) return static_cast<uint8_t>(found - known.begin());
  reader.problems().add(reader.where("domain"), "{}: there is no domain '{}'{}", reader.name(), *name,
                        suggestion(*name, known));
  return 0;
}

}  // namespace roost

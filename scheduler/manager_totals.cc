// SPDX-License-Identifier: BSD-3-Clause
// NFs summed up by what they share: service, tenant, domain, tier or core.
#include <set>

#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

struct Total {
  std::set<uint32_t> hosts;
  uint64_t nfs = 0, quarantined = 0, weight = 0, delivered = 0, packets = 0, cycles = 0;
};

}  // namespace

Json Manager::totals(const std::string& by) {
  const auto key = [&](const NfGroup& group, const HostLink& host) -> std::string {
    if (by == "service") return service_names_[group.service];
    if (by == "tenant") return host.tenant;
    if (by == "domain") return domains_.name(host.domain);
    if (by == "tier") return std::string(tier_name(host.tier));
    return core_name(host.core);
  };
  if (by != "service" && by != "tenant" && by != "domain" && by != "tier" && by != "core")
    fail("totals by '{}': there are service, tenant, domain, tier and core", by);
  std::map<std::string, Total> totals;
  if (by == "service")
    for (const auto& name : service_names_) totals[name];  // those without NFs, too: they drop what comes
  for (const auto& [first, group] : registry_.groups()) {
    const HostLink& host = *registry_.hosts().at(group.host);
    if (host.dead) continue;
    const HostRegion region(host.region.data(), host.layout);
    Total& total = totals[key(group, host)];
    total.hosts.insert(host.id);
    total.nfs += group.count;
    total.weight += uint64_t{group.weight} * group.count;
    for (uint32_t i = 0; i < group.count; ++i) {
      const NfRecord& record = region.nf(group.place + i);
      total.packets += record.packets.load(std::memory_order_relaxed);
      total.cycles += record.cycles.load(std::memory_order_relaxed);
      total.delivered += home_of(host).nf_delivered(first + i);
      total.quarantined += quarantine_.has(first + i);
    }
  }
  Json list = Json::array();
  for (const auto& [name, total] : totals)
    list.push_back(
        {{"name", name},
         {"nfs", total.nfs},
         {"quarantined", total.quarantined},
         {"hosts", total.hosts.size()},
         {"weight", total.weight},
         {"delivered", total.delivered},
         {"packets", total.packets},
         {"cycles", total.cycles},
         {"cycles_per_packet",
          total.packets == 0 ? 0.0 : static_cast<double>(total.cycles) / static_cast<double>(total.packets)}});
  return {{"by", by}, {"groups", list}};
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Services that get more NFs, or fewer.
#include <algorithm>

#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {

uint32_t Manager::nfs_of(uint16_t service) const {
  uint32_t nfs = 0;
  for (const uint32_t first : registry_.groups_of_service(service))
    if (!registry_.hosts().at(registry_.group(first).host)->dead) nfs += registry_.group(first).count;
  return nfs;
}

// Those in quarantine go first, they do nothing; then those that came last.
std::vector<uint32_t> Manager::to_stop(uint16_t service, uint32_t count) const {
  std::vector<uint32_t> quarantined, others;
  for (const uint32_t first : registry_.groups_of_service(service)) {
    const NfGroup& group = registry_.group(first);
    if (registry_.hosts().at(group.host)->dead) continue;
    for (uint32_t nf = first; nf < first + group.count; ++nf)
      (quarantine_.has(nf) ? quarantined : others).push_back(nf);
  }
  std::reverse(others.begin(), others.end());
  quarantined.insert(quarantined.end(), others.begin(), others.end());
  quarantined.resize(std::min<size_t>(count, quarantined.size()));
  return quarantined;
}

Manager::Scaled Manager::scale(const std::string& service, uint32_t nfs) {
  const uint16_t number = service_number(service);
  if (nfs == 0) {
    std::string chains;
    for (const auto& [name, chain] : chains_)
      if (std::find(chain.services.begin(), chain.services.end(), service) != chain.services.end())
        chains += (chains.empty() ? "" : ", ") + name;
    fail("scale: service '{}' with 0 NFs {}; to end them all the same: 'roost stop --service {}'", service,
         chains.empty() ? "does nothing"
                        : fmt::format("would have the packets of these chains dropped (no_nf): {}", chains),
         service);
  }
  wait_for_sweeps();
  Scaled scaled{.was = nfs_of(number)};
  if (nfs > scaled.was) {
    const auto& origin = service_origins_[number];
    if (origin == nullptr)
      fail(
          "scale: service '{}' has had no NFs yet that others could be like; 'roost spawn MODULE --service {}' starts "
          "the first",
          service, service);
    SpawnRequest request = like(*origin, service, nfs - scaled.was);
    // What they have come to weigh since, where they have a weight of their own.
    if (const auto& groups = registry_.groups_of_service(number); !groups.empty())
      if (const auto weight = registry_.group(*groups.rbegin()).own.get(Setting::weight)) request.weight = *weight;
    spawn(request);
    scaled.started = request.count;
  } else if (nfs < scaled.was) {
    scaled.stopped = stop_nfs(to_stop(number, scaled.was - nfs)).nfs;
  }
  give_up_returns(comebacks_.cancel_service(number));  // so many, and no others later
  return scaled;
}

}  // namespace roost

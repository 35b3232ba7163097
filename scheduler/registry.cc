// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/registry.h"

#include <algorithm>

#include "core/error.h"

namespace roost {

uint32_t Registry::take_host_number() {
  const auto number = host_numbers_.take(1);
  if (!number) fail("no more than {} hosts at a time", hosts_max_);
  return *number;
}

HostLink& Registry::add_host(std::unique_ptr<HostLink> host) {
  HostLink& added = *(hosts_[host->id] = std::move(host));
  if (added.tier == Tier::fiber) fiber_hosts_[place_of(added)].insert(added.id);
  if (added.on_dedicated) on_dedicated_[added.core] = &added;
  return added;
}

void Registry::close_host(HostLink& host) {
  const auto found = fiber_hosts_.find(place_of(host));
  if (found == fiber_hosts_.end()) return;
  found->second.erase(host.id);
  if (found->second.empty()) fiber_hosts_.erase(found);
}

// Its NFs come along: they cannot leave its address space.
void Registry::move_host(HostLink& host, uint32_t core) {
  const auto found = fiber_hosts_.find(place_of(host));
  const bool open = found != fiber_hosts_.end() && found->second.contains(host.id);
  if (open) close_host(host);
  host.core = core;
  if (open) fiber_hosts_[place_of(host)].insert(host.id);
  ++host.moves;
}

void Registry::remove_host(uint32_t number) {
  HostLink& host = *hosts_.at(number);
  close_host(host);
  if (host.on_dedicated) on_dedicated_.erase(host.core);
  while (!host.groups.empty()) remove_group(*host.groups.begin());
  hosts_.erase(number);
  give_host_number_back(number);
}

HostLink* Registry::find_host(uint32_t number) {
  const auto found = hosts_.find(number);
  return found == hosts_.end() ? nullptr : found->second.get();
}

HostLink* Registry::fiber_host(const std::string& tenant, uint32_t core, uint32_t count, uint8_t domain) {
  const auto found = fiber_hosts_.find({tenant, domain, core});
  if (found == fiber_hosts_.end()) return nullptr;
  for (const uint32_t number : found->second) {  // few: the next one was made when the others were full
    HostLink& host = *hosts_.at(number);
    if (host.layout.nfs_max - host.nfs >= std::min(count, host.layout.nfs_max)) return &host;
  }
  return nullptr;
}

HostLink* Registry::host_on_dedicated(uint32_t core) {
  const auto found = on_dedicated_.find(core);
  return found == on_dedicated_.end() ? nullptr : found->second;
}

NfGroup Registry::reserve(HostLink& host, uint32_t count, uint16_t service, uint8_t slot_shift,
                          std::optional<uint32_t> kept) {
  const auto place = host.places.take(count);
  const auto first = kept ? kept : nf_numbers_.take(count);
  if (place && first) return {*first, count, host.id, *place, service, slot_shift};
  if (place) host.places.give_back(*place, count);
  if (!first) fail("no more than {} NFs at a time", nfs_max_);
  if (!kept) nf_numbers_.give_back(*first, count);
  fail("{}: has no room for {} NFs; lower the count", host.name(), count);
}

void Registry::give_back(HostLink& host, const NfGroup& group, bool with_numbers) {
  host.places.give_back(group.place, group.count);
  if (with_numbers) nf_numbers_.give_back(group.first, group.count);
}

const NfGroup& Registry::add_group(NfGroup group) {
  HostLink& host = *hosts_.at(group.host);
  host.nfs += group.count;
  host.weight += group.weight * group.count;
  host.demands.add(group.settings, group.count);
  host.groups.insert(group.first);
  nfs_ += group.count;
  groups_of_service_[group.service].insert(group.first);
  return groups_[group.first] = std::move(group);
}

void Registry::remove_group(uint32_t first) { remove(first, true); }

NfGroup Registry::take_away(uint32_t first) { return remove(first, false); }

NfGroup Registry::remove(uint32_t first, bool with_numbers) {
  const auto found = groups_.find(first);
  NfGroup group = std::move(found->second);
  HostLink& host = *hosts_.at(group.host);
  host.nfs -= group.count;
  host.weight -= group.weight * group.count;
  host.demands.remove(group.settings, group.count);
  host.groups.erase(first);
  nfs_ -= group.count;
  groups_of_service_[group.service].erase(first);
  give_back(host, group, with_numbers);
  groups_.erase(found);
  return group;
}

void Registry::settle_group(uint32_t first, const OwnSettings& own, const OwnSettings& settings, uint32_t weight) {
  NfGroup& group = groups_.at(first);
  HostLink& host = *hosts_.at(group.host);
  host.weight = host.weight - group.weight * group.count + weight * group.count;
  host.demands.remove(group.settings, group.count);
  host.demands.add(settings, group.count);
  group.own = own;
  group.settings = settings;
  group.weight = weight;
}

void Registry::split_group(uint32_t at) {
  if (group_of(at) == nullptr) return;
  NfGroup& group = std::prev(groups_.upper_bound(at))->second;
  const uint32_t before = at - group.first;
  if (before == 0) return;
  NfGroup rest = group;
  rest.first += before;
  rest.place += before;
  rest.count -= before;
  group.count = before;
  hosts_.at(rest.host)->groups.insert(rest.first);
  groups_of_service_[rest.service].insert(rest.first);
  groups_[rest.first] = std::move(rest);
}

const NfGroup* Registry::group_of(uint32_t nf) const {
  const auto behind = groups_.upper_bound(nf);
  if (behind == groups_.begin()) return nullptr;
  const NfGroup& group = std::prev(behind)->second;
  return nf - group.first < group.count ? &group : nullptr;
}

std::vector<uint32_t> Registry::groups_within(uint32_t first, uint32_t count) const {
  std::vector<uint32_t> firsts;
  for (auto it = groups_.lower_bound(first); it != groups_.end() && it->first - first < count; ++it)
    firsts.push_back(it->first);
  return firsts;
}

}  // namespace roost

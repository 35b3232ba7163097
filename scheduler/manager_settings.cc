// SPDX-License-Identifier: BSD-3-Clause
// Settings of the manager, of services and of NFs: what an NF doesn't have of its own it takes from its service, and
// what that doesn't have from the manager.
#include <algorithm>

#include "core/error.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr size_t kHostsATime = 256;  // that the loop is told of between two of its turns

}  // namespace

uint64_t Manager::value_for(Setting setting, const OwnSettings& own) const {
  return own.get(setting).value_or(settings_.get(setting));
}

// What the worker is told of single NFs lies beside their records; nought: as it is told for all of them.
void Manager::give_nf_orders(const NfGroup& group) const {
  const HostLink& host = *registry_.hosts().at(group.host);
  const HostRegion region(host.region.data(), host.layout);
  const auto weight = group.settings.get(Setting::weight).value_or(0);
  const auto burst = group.settings.get(Setting::burst_packets).value_or(0);
  for (uint32_t i = 0; i < group.count; ++i) {
    NfOrders& orders = region.nf_orders(group.place + i);
    // Read first: places that were never used stay without memory.
    if (orders.weight.load(std::memory_order_relaxed) != weight) orders.weight.store(weight, std::memory_order_relaxed);
    if (orders.burst_packets.load(std::memory_order_relaxed) != burst)
      orders.burst_packets.store(burst, std::memory_order_relaxed);
  }
}

void Manager::tell_loop_of(const HostLink& host) {
  const HostSettings settings = host.demands.strictest(host.nfs, settings_);
  DataLoop& home = home_of(host);
  home.call([&] { home.set_host(host.id, host.weight, settings); });
}

// After something changed in their own settings, their services' or the manager's.
void Manager::settle(const std::vector<uint32_t>& firsts) {
  std::set<uint32_t> touched;
  for (const uint32_t first : firsts) {
    const NfGroup& group = registry_.group(first);
    const OwnSettings settings = group.own.over(service_settings_[group.service]);
    registry_.settle_group(first, group.own, settings, static_cast<uint32_t>(value_for(Setting::weight, settings)));
    give_nf_orders(group);
    touched.insert(group.host);
  }
  std::vector<const HostLink*> hosts;
  const auto hand_over = [&] {
    loops_->together([&] {
      for (const HostLink* host : hosts)
        home_of(*host).set_host(host->id, host->weight, host->demands.strictest(host->nfs, settings_));
    });
    hosts.clear();
  };
  for (const uint32_t number : touched) {
    hosts.push_back(registry_.find_host(number));
    if (hosts.size() == kHostsATime) hand_over();
  }
  if (!hosts.empty()) hand_over();
  settle_quarantined();
}

// Ranges of these NFs, as whole groups.
std::vector<uint32_t> Manager::groups_of(std::vector<uint32_t> nfs) {
  std::sort(nfs.begin(), nfs.end());
  nfs.erase(std::unique(nfs.begin(), nfs.end()), nfs.end());
  std::vector<uint32_t> firsts;
  for (size_t i = 0, end; i < nfs.size(); i = end) {
    for (end = i + 1; end < nfs.size() && nfs[end] == nfs[end - 1] + 1; ++end) continue;
    registry_.split_group(nfs[i]);
    registry_.split_group(nfs[end - 1] + 1);
    const auto groups = registry_.groups_within(nfs[i], static_cast<uint32_t>(end - i));
    firsts.insert(firsts.end(), groups.begin(), groups.end());
    inheritance_->keep_groups_around(nfs[i], static_cast<uint32_t>(end - i));
  }
  return firsts;
}

Manager::SettingChange Manager::set(const std::string& name, std::optional<uint64_t> value, const SettingScope& scope) {
  const Setting setting = Settings::find(name);
  if (value) Settings::check(setting, *value);
  if (scope.is_manager()) {
    check_together(setting, value, scope);
    const SettingChange change{value.value_or(setting_specs()[static_cast<size_t>(setting)].standard),
                               settings_.get(setting)};
    settings_.set(setting, change.value);
    loops_->each([](DataLoop& loop) { loop.refresh_orders(); });
    if (setting == Setting::core_check_ms) set_core_timer();
    if (setting_specs()[static_cast<size_t>(setting)].by_nf) settle(registry_.groups_within(0, UINT32_MAX));
    return change;
  }
  OwnSettings().set(setting, value);  // throws where it cannot be, before anything has changed
  if (!scope.service.empty()) {
    const uint16_t service = service_number(scope.service);
    check_together(setting, value, scope);
    const uint64_t was = value_for(setting, service_settings_[service]);
    service_settings_[service].set(setting, value);
    const auto& groups = registry_.groups_of_service(service);
    settle({groups.begin(), groups.end()});
    return {value_for(setting, service_settings_[service]), was};
  }
  for (const uint32_t nf : scope.nfs)
    if (registry_.group_of(nf) == nullptr) fail("set: there is no NF {}; 'roost ps' lists them", nf);
  check_together(setting, value, scope);
  const uint64_t was = value_for(setting, registry_.group_of(scope.nfs.front())->settings);
  const std::vector<uint32_t> firsts = groups_of(scope.nfs);
  for (const uint32_t first : firsts) {
    const NfGroup& group = registry_.group(first);
    OwnSettings own = group.own;
    own.set(setting, value);
    registry_.settle_group(first, own, group.settings, group.weight);
  }
  settle(firsts);
  for (const uint32_t first : firsts) inheritance_->keep_group(first);
  return {value_for(setting, registry_.group_of(scope.nfs.front())->settings), was};
}

// {value, from}; of an NF whose worker goes by another's, stricter one, that as well.
Json Manager::where_from(Setting setting, const SettingScope& scope) const {
  const auto& spec = setting_specs()[static_cast<size_t>(setting)];
  const NfGroup* group = nullptr;
  if (!scope.nfs.empty()) {
    group = registry_.group_of(scope.nfs.front());
    if (group == nullptr) fail("get: there is no NF {}; 'roost ps' lists them", scope.nfs.front());
  }
  const OwnSettings none;
  const OwnSettings& of_service = group != nullptr         ? service_settings_[group->service]
                                  : !scope.service.empty() ? service_settings_[service_number(scope.service)]
                                                           : none;
  Json result;
  if (group != nullptr && group->own.get(setting))
    result = {{"value", *group->own.get(setting)}, {"from", "NF"}};
  else if (of_service.get(setting))
    result = {{"value", *of_service.get(setting)}, {"from", "service"}};
  else
    result = {{"value", settings_.get(setting)},
              {"from", settings_.get(setting) == spec.standard ? "standard" : "manager"}};
  if (group == nullptr) return result;
  const HostLink& host = *registry_.hosts().at(group->host);
  const HostSettings worker = host.demands.strictest(host.nfs, settings_);
  std::optional<uint32_t> counts = setting == Setting::wake_packets        ? worker.wake_packets
                                   : setting == Setting::wake_deadline_us  ? worker.wake_deadline_us
                                   : setting == Setting::sojourn_target_us ? worker.sojourn_target_us
                                   : setting == Setting::spin_us           ? worker.spin_us
                                                                           : std::nullopt;
  if (setting == Setting::wake_packets || setting == Setting::wake_deadline_us) {
    // Where they follow the load, what has been chosen stands in the worker's orders.
    bool follows = false;
    loops_->together([&] { follows = home_of(host).control_of(host.id) != nullptr; });
    const auto& orders = HostRegion(host.region.data(), host.layout).worker().orders;
    if (follows) {
      counts = (setting == Setting::wake_packets ? orders.wake_packets : orders.wake_deadline_us).load();
      const auto managers = static_cast<uint32_t>(settings_.get(Setting::sojourn_target_us));
      result["chosen_for_us"] = worker.sojourn_target_us.value_or(managers);
    }
  }
  if (counts && *counts != result["value"]) result["worker_goes_by"] = *counts;
  return result;
}

Json Manager::settings_in(const SettingScope& scope, const std::string& name) const {
  if (!name.empty()) {
    const Setting wanted = Settings::find(name);
    if (!scope.is_manager()) OwnSettings().set(wanted, std::nullopt);  // throws for one of the manager's alone
  }
  Json list = Json::array();
  for (const auto& spec : setting_specs()) {
    if (!name.empty() ? spec.name != name : !scope.is_manager() && !spec.by_nf) continue;
    Json entry{{"name", spec.name},
               {"unit", spec.unit},
               {"least", spec.least},
               {"most", spec.most},
               {"standard", spec.standard},
               {"meaning", spec.meaning},
               {"scope", spec.by_nf ? "manager, service, NF" : "manager"}};
    entry.update(where_from(Settings::find(spec.name), scope));
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace roost

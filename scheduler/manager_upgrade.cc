// SPDX-License-Identifier: BSD-3-Clause
// Services that get another module: the new NFs come beside the old ones, and when all of them are there the old ones
// give up their flows and go. What fails before that leaves the old ones in service.
#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr int kStatusPatience_ms = 500;

}  // namespace

// In tier fiber the new NFs come into the process of the old ones, which a module that crashes would take with it. So
// one of them is started in a process of its own first, gets no packets, and ends.
void Manager::rehearse(const SpawnRequest& request) {
  SpawnRequest alone = request;
  alone.tier = Tier::process;
  alone.dedicated = false;
  HostLink& host = make_host(alone, 0);
  std::optional<NfGroup> group;
  std::string problem;
  try {
    group = registry_.reserve(host, 1, service_number(request.service), slot_shift_for(host, 1));
    load_module(host, *request.copy);
    host.ask("start", {{"module", request.copy->id},
                       {"first", group->place},
                       {"count", 1},
                       {"first_id", group->first},
                       {"config", request.config},
                       {"services", services_},
                       {"ports", ports_}});
  } catch (const Error& error) {
    problem = error.what();
  }
  if (!problem.empty() && host.has_ended() && nursery_) try {
      problem += fmt::format("; its process {}", how_it_ended(nursery_->wait_status(host.pid, kStatusPatience_ms)));
    } catch (const Error&) {  // the nursery has died, too
    }
  if (group) registry_.give_back(host, *group);
  if (!host.dead) end_hosts({&host});
  if (!problem.empty()) fail("{}", problem);
}

Manager::Scaled Manager::upgrade(const std::string& service, const std::string& module,
                                 const std::optional<Json>& config) {
  const uint16_t number = service_number(service);
  const auto& groups = registry_.groups_of_service(number);
  wait_for_sweeps();  // of hosts that died: what comes back of them is known then
  std::vector<uint32_t> old;
  for (const uint32_t first : groups)
    if (!registry_.hosts().at(registry_.group(first).host)->dead) old.push_back(first);
  const uint32_t waiting = comebacks_.change_service(number, [](NfGroup&) {});
  if (old.empty() && waiting == 0)
    fail("upgrade: service '{}' has no NFs; 'roost spawn {} --service {}' starts some", service, module, service);
  if (config && !config->is_object()) fail("upgrade: the configuration must be a JSON object");
  Comebacks::Ranges old_nfs;  // by their numbers, which outlive their hosts
  for (const uint32_t first : old) old_nfs.emplace_back(first, registry_.group(first).count);
  const auto was = service_origins_[number];
  Scaled scaled{.was = nfs_of(number)};
  Spawned all{};
  const ModuleCopy* copy = nullptr;
  try {
    copy = &modules_.open(module);
    for (bool rehearsed = false; const uint32_t first : old) {
      const NfGroup& group = registry_.group(first);
      SpawnRequest request = like(*group.origin, service, group.count);
      request.module = module;
      request.copy = copy;
      if (config) request.config = *config;
      if (const auto weight = group.own.get(Setting::weight)) request.weight = *weight;
      if (request.tier == Tier::fiber && !std::exchange(rehearsed, true)) rehearse(request);
      const Spawned spawned = spawn(request);
      all.ranges.insert(all.ranges.end(), spawned.ranges.begin(), spawned.ranges.end());
      scaled.started += request.count;
    }
  } catch (const Error& error) {
    service_origins_[number] = was;
    undo_spawn(all, error.what());
    take_in_deaths();  // in tier fiber the new ones may have taken the old ones with them
    uint32_t left = 0, had = 0;
    for (const uint32_t first : still_there(old)) left += registry_.group(first).count;
    for (const auto& [first, count] : old_nfs) had += count;
    if (left == had) fail("upgrade: {}; the NFs that service '{}' had are still in service", error.what(), service);
    fail(
        "upgrade: {}; of the {} NFs that service '{}' had {} are still in service, the others have died with their "
        "host, as 'roost events' tells",
        error.what(), had, service, left);
  }
  // Those whose host died come back with it, and with a clean record.
  comebacks_.change_service(number, [&](NfGroup& group) {
    NfOrigin origin = *group.origin;
    origin.copy = copy;
    if (config) origin.config = *config;
    group.origin = std::make_shared<const NfOrigin>(std::move(origin));
    group.module = module;
    crashes_.forget(group.first, group.count);
    if (old.empty()) service_origins_[number] = group.origin;
  });
  std::string problem;
  try {
    scaled.stopped = stop_groups(drain(still_there(old))).nfs;
  } catch (const Error& error) {
    problem = error.what();
    take_in_deaths();
  }
  for (const auto& [first, count] : old_nfs) give_up_returns(comebacks_.cancel(first, count));  // died meanwhile
  uint32_t left = 0;  // what starts may still die of its first packets
  for (const auto& [first, count] : all.ranges)
    if (registry_.group_of(first) != nullptr) left += count;
  if (left < scaled.started)
    fail(
        "upgrade: {} of {} new NFs have died with their host since they started, as 'roost events' tells; service '{}' "
        "has {} NFs now; 'roost upgrade' to a module that works, or 'roost spawn', brings others",
        scaled.started - left, scaled.started, service, nfs_of(number));
  if (!problem.empty())
    fail("upgrade: {} new NFs of service '{}' are in service, and the old ones still, too: {}", scaled.started, service,
         problem);
  note(fmt::format("service '{}' has module '{}': {} started, {} stopped", service, module, scaled.started,
                   scaled.stopped),
       EventKind::nf);
  return scaled;
}

}  // namespace roost

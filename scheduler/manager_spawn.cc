// SPDX-License-Identifier: BSD-3-Clause
// NFs: started.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "core/error.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint32_t kInboxBudget = 1 << 17;   // slots that a host's NFs share out among themselves
constexpr double kDemandUnknown = 1.0 / 16;  // of a core
constexpr uint8_t kSlotShiftLeast = 4, kSlotShiftMost = 10;

}  // namespace

Manager::Spawned Manager::spawn(const SpawnRequest& request) {
  const auto began = std::chrono::steady_clock::now();
  const uint16_t service = service_number(request.service);
  if (request.count == 0) fail("spawn: a count of 0 starts nothing; give --count 1 or more");
  if (!request.config.is_object()) fail("spawn: the configuration must be a JSON object");
  if (request.weight) {
    OwnSettings own;
    own.set(Setting::weight, request.weight);
    check_together(own, service);
  }
  domains_.check_tenant(service, request.tenant);
  check_room(request);
  const auto origin = std::make_shared<const NfOrigin>(
      NfOrigin{request.copy != nullptr ? request.copy : &modules_.open(request.module),  // all of them are of this copy
               request.tier, request.dedicated, request.tenant, request.config, request.weight});
  const std::vector<uint32_t> cores = cores_for(request);
  Spawned spawned{};
  try {
    uint32_t left = request.count;
    for (size_t i = 0; left != 0; ++i) {
      // Evenly over the cores; a process NF is a host of its own.
      const size_t cores_left = cores.size() - i % cores.size();
      const uint32_t core = cores[i % cores.size()];
      const auto share =
          request.tier == Tier::process ? 1 : static_cast<uint32_t>((left + cores_left - 1) / cores_left);
      HostLink& host = host_for(request, core, share);
      const uint32_t fits = std::min(share, host.layout.nfs_max - host.nfs);
      const NfGroup& group = start_group(host, request, origin, fits);
      spawned.ranges.emplace_back(group.first, group.count);
      left -= fits;
    }
  } catch (const std::exception& error) {
    undo_spawn(spawned, error.what());
    throw;
  }
  service_origins_[service] = origin;
  spawned.spawn_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  note(fmt::format("{} of '{}' started in tier {}: module '{}', from NF {}", request.count, request.service,
                   tier_name(request.tier), request.module, spawned.ranges.front().first),
       EventKind::nf);
  return spawned;
}

// Said before anything starts, where it can be known.
void Manager::check_room(const SpawnRequest& request) const {
  if (request.count > registry_.nfs_max() - registry_.nfs())
    fail("spawn: {} NFs are too many; {} live, and {} is the most", request.count, registry_.nfs(),
         registry_.nfs_max());
  const size_t hosts = registry_.hosts().size();
  if (request.tier == Tier::process && request.count > registry_.hosts_max() - hosts)
    fail("spawn: {} NFs in tier process are too many; {} processes live, and {} is the most; tier fiber takes {} NFs",
         request.count, hosts, registry_.hosts_max(), registry_.nfs_max());
}

// Where the NFs may go. A dedicated core has one host: a free one is needed, or, in tier fiber, the tenant's own.
std::vector<uint32_t> Manager::cores_for(const SpawnRequest& request) {
  if (!request.dedicated) return shared_cores_for(request);
  std::vector<uint32_t> cores;
  const auto shared = static_cast<uint32_t>(shared_cores_.size());
  for (uint32_t core = shared; core < shared + dedicated_cores_.size(); ++core)
    if (registry_.host_on_dedicated(core) == nullptr ||
        (request.tier == Tier::fiber && registry_.fiber_host(request.tenant, core, 1, domain_of(request)) != nullptr))
      cores.push_back(core);
  if (cores.empty() || (request.tier == Tier::process && request.count > cores.size()))
    fail(
        "spawn: {} of {} dedicated cores are free; 'roost ps --hosts' shows who has them, cores.dedicated in the "
        "configuration adds others",
        cores.size(), dedicated_cores_.size());
  return cores;
}

// The least loaded comes first. In tier fiber each core once, and where loads are alike in their order: NFs of few
// spawns stay together. In tier process one for each NF: these are hosts of their own, and count as what others want on
// average until it is known what they want.
std::vector<uint32_t> Manager::shared_cores_for(const SpawnRequest& request) {
  if (shared_cores_.size() == 1) return {0};
  Placing placing;
  loops_->together([&] { placing = loops_->placing(); });
  const double demand = std::max(placing.demand, kDemandUnknown);
  const bool fibers = request.tier == Tier::fiber;
  const uint32_t count = fibers ? static_cast<uint32_t>(placing.cores.size()) : request.count;
  if (fibers)
    for (PlacedCore& core : placing.cores) core.workers = 0;
  std::vector<uint32_t> cores;
  for (uint32_t core; cores.size() < count && (core = core_for_new(placing.cores)) != kNoCore;) {
    cores.push_back(core);
    placing.cores[core].load += demand;
    ++placing.cores[core].workers;
    if (fibers) placing.cores[core].usable = false;
  }
  if (cores.empty()) return {0};  // all of them have vanished, which was said: the kernel has others
  return cores;
}

// What a spawn had started before it failed goes again, and does not come back where its host died meanwhile.
void Manager::undo_spawn(const Spawned& spawned, const char* why) {
  const auto give_up = [&] {
    for (const auto& [first, count] : spawned.ranges) give_up_returns(comebacks_.cancel(first, count));
  };
  std::vector<uint32_t> firsts;
  for (const auto& [first, count] : spawned.ranges)
    if (registry_.group_of(first) != nullptr) firsts.push_back(first);
  try {
    stop_groups(firsts);
    give_up();
  } catch (const std::exception& error) {
    take_in_deaths();
    give_up();
    fail("{}; of those that were started before it, some are left: {}", why, error.what());
  }
}

// The tenant's host on that core, of the service's domain and with room, or a new one.
HostLink& Manager::host_for(const SpawnRequest& request, uint32_t core, uint32_t count) {
  if (request.tier == Tier::fiber)
    if (HostLink* host = registry_.fiber_host(request.tenant, core, count, domain_of(request))) return *host;
  if (request.dedicated && registry_.host_on_dedicated(core) != nullptr)
    fail("spawn: dedicated core {}: its host has no room for {} more NFs", cpu_of(core), count);
  return make_host(request, core);
}

uint8_t Manager::slot_shift_for(const HostLink& host, uint32_t count) const {
  if (const auto slots = settings_.get(Setting::inbox_slots); slots != 0)
    return static_cast<uint8_t>(std::bit_width(slots) - 1);  // a power of two
  const uint32_t each = kInboxBudget / (host.nfs + count);
  return static_cast<uint8_t>(
      std::clamp<int>(static_cast<int>(std::bit_width(each)) - 1, kSlotShiftLeast, kSlotShiftMost));
}

void Manager::load_module(HostLink& host, const ModuleCopy& module) {
  if (host.modules.contains(module.id)) return;
  host.ask("load", {{"module", module.id}, {"path", module.path}}, {module.memory.get()});
  host.modules.insert(module.id);
}

Manager::SpawnRequest Manager::like(const NfOrigin& origin, const std::string& service, uint32_t count) {
  return {.module = origin.copy->path,
          .service = service,
          .count = count,
          .tier = origin.tier,
          .dedicated = origin.dedicated,
          .tenant = origin.tenant,
          .config = origin.config,
          .weight = origin.weight,
          .copy = origin.copy};
}

const NfGroup& Manager::start_group(HostLink& host, const SpawnRequest& request,
                                    const std::shared_ptr<const NfOrigin>& origin, uint32_t count,
                                    const Returning* back) {
  const ModuleCopy& module = *origin->copy;
  NfGroup group;
  try {
    group = registry_.reserve(host, count, service_number(request.service),
                              back != nullptr ? back->was.slot_shift : slot_shift_for(host, count),
                              back != nullptr ? std::optional(back->was.first) : std::nullopt);
    group.module = request.module;
    group.origin = origin;
    if (back != nullptr)
      group.own = back->was.own;
    else
      group.own.set(Setting::weight, request.weight);
    group.settings = group.own.over(service_settings(group.service));
    group.weight = static_cast<uint32_t>(value_for(Setting::weight, group.settings));
    give_nf_orders(group);
    load_module(host, module);
    Json what{{"module", module.id},      {"first", group.place},  {"count", count}, {"first_id", group.first},
              {"config", request.config}, {"services", services_}, {"ports", ports_}};
    if (back != nullptr)
      for (const uint32_t nf : back->held) what["quarantined"].push_back(nf - group.first);
    wake_if_asked(host, host.ask("start", std::move(what)));
  } catch (...) {
    if (group.count != 0) registry_.give_back(host, group, back == nullptr);
    // Over start(), as far as anybody knows, and not over the burst that its worker was at.
    if (!host.dead && host.has_ended())
      HostRegion(host.region.data(), host.layout).worker().report.current_nf.store(UINT32_MAX);
    const std::string memory = host.dead ? "" : out_of_memory(host);
    const std::string name = host.name();
    if (host.nfs == 0 && !host.dead) end_hosts({&host});
    if (!memory.empty()) fail("{}: was killed by the kernel{}", name, memory);
    throw;
  }
  const NfGroup& added = registry_.add_group(std::move(group));
  // What others of these numbers have done is not theirs.
  quarantine_.forget(added.first, count);
  if (back == nullptr) crashes_.forget(added.first, count);
  announce(added, back != nullptr ? back->held : std::vector<uint32_t>());
  inheritance_->keep_group(added.first);
  return added;
}

// The loops hear of a group; `held` get nothing.
void Manager::announce(const NfGroup& group, const std::vector<uint32_t>& held) {
  const HostLink& host = *registry_.hosts().at(group.host);
  const HostSettings settings = host.demands.strictest(host.nfs, settings_);
  const DataLoop& home = home_of(host);
  in_loops({group.first}, [&](DataLoop& loop, uint32_t first, uint32_t n) {
    const uint32_t before = first - group.first;
    if (&loop != &home) {
      loop.add_nfs_elsewhere(first, n, group.service, loops_->number_of_core(host.core));
    } else {
      if (before == 0) loop.set_host(host.id, host.weight, settings);
      loop.add_nfs(first, n, group.service, host.id, group.place + before, group.slot_shift);
    }
    for (const uint32_t nf : held)
      if (nf - first < n) loop.quarantine_nf(nf, std::nullopt);
  });
}

}  // namespace roost

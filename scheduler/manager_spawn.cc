// SPDX-License-Identifier: BSD-3-Clause
// NFs: started and stopped.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint32_t kLoopPiece = 1'024;      // NFs handed to the loop between two of its turns
constexpr uint32_t kInboxBudget = 1 << 17;  // slots that a host's NFs share out among themselves
constexpr uint8_t kSlotShiftLeast = 4, kSlotShiftMost = 10;
constexpr int kReturnPatience_ms = 3'000;

// Both sides begin a ring at its first lap: whoever gets these places next must find them as they were when new. The
// host does not look at them any more.
void clear_places(const HostRegion& region, uint32_t place, uint32_t count, uint32_t first_slot, uint32_t slots) {
  for (uint32_t i = 0; i < count; ++i) {
    NfRecord& record = region.nf(place + i);
    record.consumed.store(0, std::memory_order_relaxed);
    record.packets.store(0, std::memory_order_relaxed);
    record.cycles.store(0, std::memory_order_relaxed);
  }
  for (uint32_t i = 0; i < slots; ++i) region.inbox(first_slot)[i].tagged.store(0, std::memory_order_relaxed);
}

}  // namespace

Manager::Spawned Manager::spawn(const SpawnRequest& request) {
  const auto began = std::chrono::steady_clock::now();
  service_number(request.service);
  if (request.count == 0) fail("spawn: a count of 0 starts nothing; give --count 1 or more");
  if (!request.config.is_object()) fail("spawn: the configuration must be a JSON object");
  check_room(request);
  modules_.open(request.module);
  Spawned spawned{};
  try {
    uint32_t left = request.count;
    for (size_t i = 0; left != 0; ++i) {
      // Evenly over the shared cores; a process NF is a host of its own.
      const size_t cores_left = shared_cores_.size() - i % shared_cores_.size();
      const uint32_t core = shared_cores_[i % shared_cores_.size()];
      const auto share =
          request.tier == Tier::process ? 1 : static_cast<uint32_t>((left + cores_left - 1) / cores_left);
      HostLink& host = host_for(request, core, share);
      const uint32_t fits = std::min(share, host.layout.nfs_max - host.nfs);
      const Group& group = start_group(host, request, fits);
      spawned.ranges.emplace_back(group.first, group.count);
      left -= fits;
    }
  } catch (const std::exception& error) {
    undo_spawn(spawned, error.what());
    throw;
  }
  spawned.spawn_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  return spawned;
}

// Said before anything starts, where it can be known.
void Manager::check_room(const SpawnRequest& request) const {
  constexpr LoopOptions kMost;
  if (request.count > kMost.nfs_max - nfs_live_)
    fail("spawn: {} NFs are too many; {} live, and {} is the most", request.count, nfs_live_, kMost.nfs_max);
  if (request.tier == Tier::process && request.count > kMost.hosts_max - hosts_.size())
    fail("spawn: {} NFs in tier process are too many; {} processes live, and {} is the most; tier fiber takes {} NFs",
         request.count, hosts_.size(), kMost.hosts_max, kMost.nfs_max);
}

// What a spawn had started before it failed goes again.
void Manager::undo_spawn(const Spawned& spawned, const char* why) {
  try {
    for (const auto& [first, count] : spawned.ranges) stop_range(first, count);
  } catch (const std::exception& error) {
    fail("{}; of those that were started before it, some are left: {}", why, error.what());
  }
}

// The tenant's host on that core with room, or a new one.
HostLink& Manager::host_for(const SpawnRequest& request, uint32_t core, uint32_t count) {
  if (request.tier == Tier::fiber)
    for (auto& [id, host] : hosts_)
      if (!host->dead && host->tier == Tier::fiber && host->tenant == request.tenant && host->core == core &&
          host->nfs + std::min(count, host->layout.nfs_max) <= host->layout.nfs_max)
        return *host;
  return make_host(request.tier, request.tenant, core);
}

uint8_t Manager::slot_shift_for(const HostLink& host, uint32_t count) const {
  if (const auto slots = settings_.get(Setting::inbox_slots); slots != 0)
    return static_cast<uint8_t>(std::max<int>(2, static_cast<int>(std::bit_width(slots)) - 1));
  const uint32_t each = kInboxBudget / (host.nfs + count);
  return static_cast<uint8_t>(
      std::clamp<int>(static_cast<int>(std::bit_width(each)) - 1, kSlotShiftLeast, kSlotShiftMost));
}

void Manager::load_module(HostLink& host, const ModuleCopy& module) {
  if (host.modules.contains(module.id)) return;
  host.ask("load", {{"module", module.id}, {"path", module.path}}, {module.memory.get()});
  host.modules.insert(module.id);
}

const Manager::Group& Manager::start_group(HostLink& host, const SpawnRequest& request, uint32_t count) {
  const uint8_t shift = slot_shift_for(host, count);
  const auto place = host.places.take(count);
  const auto slots =
      uint64_t{count} << shift > host.layout.inbox_slots_total ? std::nullopt : host.slots.take(count << shift);
  const auto first = nf_numbers_.take(count);
  const auto undo = [&] {
    if (place) host.places.give_back(*place, count);
    if (slots) host.slots.give_back(*slots, count << shift);
    if (first) nf_numbers_.give_back(*first, count);
    if (host.nfs == 0 && !host.dead) end_host(host);
  };
  try {
    if (!place || !slots)
      fail("{}: has no room for {} NFs with {} inbox slots each; lower inbox_slots or the count", host.name(), count,
           1u << shift);
    if (!first) fail("no more than {} NFs at a time", LoopOptions{}.nfs_max);
    const ModuleCopy& module = modules_.open(request.module);
    load_module(host, module);
    Json services = Json::object(), ports = Json::object();
    for (const auto& [name, number] : services_) services[name] = number;
    for (const auto& [name, number] : ports_) ports[name] = number;
    host.ask("start", {{"module", module.id},
                       {"first", *place},
                       {"count", count},
                       {"first_id", *first},
                       {"first_slot", *slots},
                       {"slot_shift", shift},
                       {"config", request.config},
                       {"services", services},
                       {"ports", ports}});
  } catch (...) {
    undo();
    throw;
  }
  host.nfs += count;
  nfs_live_ += count;
  const uint16_t service = service_number(request.service);
  for (uint32_t done = 0; done < count; done += kLoopPiece)
    loop_->call([&] {
      loop_->add_nfs(*first + done, std::min(kLoopPiece, count - done), service, host.id, *place + done,
                     *slots + (done << shift), shift);
    });
  return groups_[*first] = {*first, count, service, host.id, *place, *slots, shift, request.module};
}

void Manager::retire(const Group& group) {
  for (uint32_t done = 0; done < group.count; done += kLoopPiece)
    loop_->call([&] { loop_->retire_nfs(group.first + done, std::min(kLoopPiece, group.count - done)); });
}

void Manager::forget(Groups::iterator it, bool give_place_back) {
  const Group& group = it->second;
  loop_->call([&] { loop_->forget_nfs(group.first, group.count); });
  HostLink& host = *hosts_.at(group.host);
  if (give_place_back) {
    clear_places(HostRegion(host.region.data(), host.layout), group.place, group.count, group.first_slot,
                 group.count << group.slot_shift);
    host.places.give_back(group.place, group.count);
    host.slots.give_back(group.first_slot, group.count << group.slot_shift);
  }
  host.nfs -= group.count;
  nfs_live_ -= group.count;
  nf_numbers_.give_back(group.first, group.count);
  groups_.erase(it);
}

// Makes `at` the first NF of a group, so that ranges of NFs are whole groups.
void Manager::split_group(uint32_t at) {
  auto it = groups_.upper_bound(at);
  if (it == groups_.begin()) return;
  Group& group = (--it)->second;
  const uint32_t before = at - group.first;
  if (before == 0 || before >= group.count) return;
  Group rest = group;
  rest.first += before;
  rest.place += before;
  rest.first_slot += before << group.slot_shift;
  rest.count -= before;
  group.count = before;
  groups_[rest.first] = std::move(rest);
}

// Whether all packets that were out when this was called have come back in time.
bool Manager::wait_for_packets() {
  const uint64_t back_at = loop_->epochs() + 5;  // four epochs, behind the one that may have just begun
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReturnPatience_ms);
  while (loop_->epochs() < back_at && std::chrono::steady_clock::now() < until) {
    usleep(1'100);
    loop_->call([] {});  // a loop that sleeps counts no epochs
  }
  return loop_->epochs() >= back_at;
}

// Whole groups: retired, their packets waited for, then stopped, so that nothing that is on its way is lost.
uint32_t Manager::stop_groups(const std::vector<uint32_t>& firsts) {
  for (const uint32_t first : firsts) retire(groups_.at(first));
  const bool all_back = wait_for_packets();
  uint32_t stopped = 0;
  for (const uint32_t first : firsts) {
    const auto found = groups_.find(first);
    const Group& group = found->second;
    HostLink& host = *hosts_.at(group.host);
    if (host.dead) continue;  // the sweep sees to it
    stopped += group.count;   // before the group is forgotten
    if (host.nfs == group.count) {
      end_host(host);  // its last ones; what they still hold comes back by the ledger
    } else if (all_back) {
      host.ask("stop", {{"first", group.place}, {"count", group.count}});
      forget(found, true);
    } else {
      fail(
          "stop: NFs {} to {} get no packets any more, but packets that they or their host's other NFs keep are not "
          "back after {} ms; stop all NFs of {}, or try again",
          group.first, group.first + group.count - 1, kReturnPatience_ms, host.name());
    }
  }
  return stopped;
}

uint32_t Manager::stop_range(uint32_t first, uint32_t count) {
  split_group(first);
  split_group(first + count);
  std::vector<uint32_t> firsts;
  for (auto it = groups_.lower_bound(first); it != groups_.end() && it->first - first < count; ++it)
    if (!hosts_.at(it->second.host)->dead) firsts.push_back(it->first);
  return stop_groups(firsts);
}

uint32_t Manager::stop_nfs(const std::vector<uint32_t>& nfs) {
  for (const uint32_t nf : nfs) {
    auto it = groups_.upper_bound(nf);
    if (it == groups_.begin() || nf - (--it)->second.first >= it->second.count)
      fail("stop: there is no NF {}; 'roost ps' lists them", nf);
  }
  std::vector<uint32_t> sorted = nfs;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  uint32_t stopped = 0;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i + 1;
    while (end < sorted.size() && sorted[end] == sorted[end - 1] + 1) ++end;
    stopped += stop_range(sorted[i], static_cast<uint32_t>(end - i));
    i = end;
  }
  return stopped;
}

uint32_t Manager::stop_service(const std::string& service) {
  const uint16_t number = service_number(service);
  std::vector<uint32_t> firsts;
  for (const auto& [first, group] : groups_)
    if (group.service == number && !hosts_.at(group.host)->dead) firsts.push_back(first);
  return stop_groups(firsts);
}

uint32_t Manager::stop_all() { return stop_range(0, UINT32_MAX); }

}  // namespace roost

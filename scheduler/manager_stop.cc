// SPDX-License-Identifier: BSD-3-Clause
// NFs: stopped.
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr int kReturnPatience_ms = 3'000;

// Whoever gets these places next must find them as they were when new. The host does not look at them any more.
void clear_places(const HostLink& host, const NfGroup& group) {
  const HostRegion region(host.region.data(), host.layout);
  for (uint32_t i = 0; i < group.count; ++i) {
    NfRecord& record = region.nf(group.place + i);
    record.consumed.store(0, std::memory_order_relaxed);
    record.packets.store(0, std::memory_order_relaxed);
    record.cycles.store(0, std::memory_order_relaxed);
    region.nf_orders(group.place + i).weight.store(0, std::memory_order_relaxed);
    region.nf_orders(group.place + i).burst_packets.store(0, std::memory_order_relaxed);
  }
}

}  // namespace

void Manager::retire(const std::vector<uint32_t>& firsts) {
  in_loops(firsts, [](DataLoop& loop, uint32_t first, uint32_t count) { loop.retire_nfs(first, count); });
}

void Manager::forget(const std::vector<uint32_t>& firsts) {
  in_loops(firsts, [](DataLoop& loop, uint32_t first, uint32_t count) { loop.forget_nfs(first, count); });
}

// Where a stop fails: as if it had not been tried. Those that were stopped before that are no groups any more.
void Manager::restore(const std::vector<uint32_t>& firsts) {
  std::vector<uint32_t> left;
  for (const uint32_t first : firsts)
    if (registry_.group_of(first) != nullptr) left.push_back(first);
  in_loops(left, [](DataLoop& loop, uint32_t first, uint32_t count) { loop.restore_nfs(first, count); });
}

// Whether all packets, of all hosts, that were out when this was called have come back in time. Those of a host that
// dies meanwhile come back by its sweep, so the manager hears of that; nothing new comes up.
bool Manager::wait_for_packets() {
  std::vector<uint64_t> back_at;
  loops_->one_by_one([&](const DataLoop& loop) {
    back_at.push_back(loop.epochs() + 5);  // four epochs, behind the one that may have just begun
  });
  const auto all_back = [&] {
    for (uint32_t i = 0; i < back_at.size(); ++i)
      if ((*loops_)[i].epochs() < back_at[i]) return false;
    return true;
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReturnPatience_ms);
  while (!all_back() && std::chrono::steady_clock::now() < until) {
    usleep(1'100);
    on_events(false);
    loops_->one_by_one([](DataLoop& loop) { loop.call([] {}); });  // one that sleeps counts no epochs
  }
  return all_back();
}

// Retired, their packets waited for, then stopped, so that nothing that is on its way is lost. Hosts that lose all
// their NFs end, all of them together.
Manager::Stopped Manager::stop_groups(const std::vector<uint32_t>& firsts) {
  std::map<uint32_t, std::vector<uint32_t>> by_host;
  for (const uint32_t first : firsts) {
    const uint32_t host = registry_.group(first).host;
    if (!registry_.find_host(host)->dead) by_host[host].push_back(first);
  }
  retire(firsts);
  const bool all_back = by_host.empty() || wait_for_packets();
  Stopped stopped;
  std::vector<HostLink*> whole;
  std::vector<std::string> problems;
  for (const auto& [number, groups] : by_host) {
    HostLink* const found = registry_.find_host(number);
    if (found == nullptr || found->dead) continue;  // it died meanwhile
    HostLink& host = *found;
    uint32_t nfs = 0;
    for (const uint32_t first : groups) nfs += registry_.group(first).count;
    try {
      if (host.nfs == nfs)
        whole.push_back(&host);  // what it still holds comes back by the ledger
      else
        stop_part_of_host(host, groups, all_back);
      stopped.nfs += nfs;
    } catch (const Error& error) {
      problems.emplace_back(error.what());
      restore(groups);
    }
  }
  if (!all_back && !whole.empty())
    event(fmt::format(
        "stop: packets that were out are not back after {} ms; {} hosts end all the same, and what they hold is lost",
        kReturnPatience_ms, whole.size()));
  try {
    if (!whole.empty()) stopped.killed = end_hosts(whole);
  } catch (const Error& error) {
    problems.emplace_back(error.what());
    for (const HostLink* host : whole) restore(by_host[host->id]);
  }
  wait_for_sweeps();  // of hosts that had died before, too: whoever looks now sees none of these NFs
  if (!problems.empty()) fail("stop: {}", fmt::join(problems, "; "));
  return stopped;
}

void Manager::stop_part_of_host(HostLink& host, const std::vector<uint32_t>& firsts, bool all_back) {
  const auto& quarantined = quarantine_.nfs();
  const auto keeps = std::find_if(quarantined.begin(), quarantined.end(), [this](uint32_t nf) {
    const NfGroup* const group = registry_.group_of(nf);
    return group != nullptr && !registry_.hosts().at(group->host)->dead;
  });
  if (!all_back)
    fail(
        "NF {} and others of {} go on: packets that were out, with some NF of any host, are not back after {} ms, so "
        "theirs may be among them; {}stop all NFs of that host, or try again",
        firsts.front(), host.name(), kReturnPatience_ms,
        keeps == quarantined.end()
            ? ""
            : fmt::format("NF {} is in quarantine and may keep packets: stop all NFs of its host; or ", *keeps));
  for (const uint32_t first : firsts) {
    const NfGroup& group = registry_.group(first);
    wake_if_asked(host, host.ask("stop", {{"first", group.place}, {"count", group.count}}));
    forget({first});
    clear_places(host, group);
    quarantine_.forget(first, group.count);
    registry_.remove_group(first);
    inheritance_->drop_group(first);
    tell_loop_of(host);
  }
}

// What waits to come back is given up in any case, with those that died meanwhile.
Manager::Stopped Manager::stop_drained(std::vector<uint32_t> firsts, std::string_view what,
                                       const Comebacks::Cancel& cancel) {
  Stopped stopped;
  try {
    stopped = stop_groups(drain(std::move(firsts)));
  } catch (...) {
    take_in_deaths();
    give_up_returns(cancel());
    throw;
  }
  if (stopped.nfs != 0) note(fmt::format("{}: {} stopped", what, stopped.nfs), EventKind::nf);
  stopped.nfs += give_up_returns(cancel());
  return stopped;
}

Manager::Stopped Manager::stop_nfs(std::vector<uint32_t> nfs) {
  for (const uint32_t nf : nfs)
    if (registry_.group_of(nf) == nullptr && comebacks_.of_nf(nf) == nullptr)
      fail("stop: there is no NF {}; 'roost ps' lists them", nf);
  return stop_drained(groups_of(nfs), "single NFs", [this, &nfs] {
    Comebacks::Ranges ranges;
    for (const uint32_t nf : nfs)
      for (const auto& range : comebacks_.cancel(nf, 1)) ranges.push_back(range);
    return ranges;
  });
}

Manager::Stopped Manager::stop_service(const std::string& service) {
  const uint16_t number = service_number(service);
  const auto& groups = registry_.groups_of_service(number);
  return stop_drained({groups.begin(), groups.end()}, fmt::format("service '{}'", service),
                      [this, number] { return comebacks_.cancel_service(number); });
}

Manager::Stopped Manager::stop_all() {
  return stop_drained(registry_.groups_within(0, UINT32_MAX), "all NFs",
                      [this] { return comebacks_.cancel(0, UINT32_MAX); });
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Hosts that end unasked: whose doing that was, and, where their NFs' settings say so, hosts in their place. NFs that
// come back have their numbers, and all else that they were started with.
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <algorithm>

#include "core/error.h"
#include "scheduler/crash_report.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

// For people, to 10 ms: a wait that has just begun is what it was set to.
double rounded_seconds(uint64_t ms) { return static_cast<double>((ms + 5) / 10) / 1e2; }

}  // namespace

bool Manager::returns(const HostLink& host, const NfGroup& group) const {
  using End = HostHistory::End;
  const auto policy = static_cast<RestartPolicy>(value_for(Setting::restart_policy, group.settings));
  return host.history.end != End::asked && comes_back(policy, host.history.end == End::failed);
}

// Of NFs that come back together, whoever wants to wait longest.
RestartLimits Manager::wait_limits(const std::vector<const NfGroup*>& groups) const {
  RestartLimits limits;
  for (const NfGroup* group : groups) {
    limits.first_ms = std::max(limits.first_ms, value_for(Setting::restart_ms, group->settings));
    limits.most_ms = std::max(limits.most_ms, value_for(Setting::restart_most_ms, group->settings));
  }
  return limits;
}

// Reads what the host has left, and puts down when it is to come back. Returns what to say of it.
std::string Manager::note_end(HostLink& host, const std::string& how, int status) {
  HostHistory& history = host.history;
  const uint64_t now = now_ms();
  const bool clean = status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  history.end = clean ? HostHistory::End::clean : HostHistory::End::failed;
  const CrashReport report = read_crash_report(HostRegion(host.region.data(), host.layout));
  const auto nf_of = [&](std::optional<uint32_t> place) { return place ? nf_at(host, *place) : std::nullopt; };
  const auto name = [this](uint32_t nf) {
    const NfGroup& group = *registry_.group_of(nf);
    return fmt::format("NF {} of '{}' ('{}')", nf, service_names_[group.service], group.module);
  };
  const auto current = nf_of(report.current);
  auto blamed = nf_of(blamed_place(report, status));
  if (!blamed && history.suspect && registry_.group_of(*history.suspect) != nullptr) blamed = history.suspect;
  history.suspect.reset();
  if (blamed) crashes_.crashed(*blamed, now);

  std::string text;
  if (report.signal != 0 && report.address != 0) text += fmt::format(", at address {:#x}", report.address);
  if (blamed) {
    const uint32_t times = crashes_.times(*blamed);
    text += fmt::format(", by {}{}", name(*blamed), times == 1 ? "" : fmt::format(" ({} times so far)", times));
  } else if (current) {
    text += fmt::format(", while it ran {}", name(*current));
  }
  std::vector<uint32_t> turns;
  for (const uint32_t place : report.last_turns)
    if (const auto nf = nf_of(place)) turns.push_back(*nf);
  if (!turns.empty() && host.nfs > 1) text += fmt::format("; its last turns: NFs {}", fmt::join(turns, ", "));

  history.last_crash = {{"host", host.id}, {"pid", host.pid}, {"how", how}, {"last_turns", turns}};
  if (blamed) history.last_crash["nf"] = *blamed;
  if (current) history.last_crash["dispatching"] = *current;
  if (report.address != 0) history.last_crash["address"] = report.address;
  std::vector<const NfGroup*> back;
  for (const uint32_t first : host.groups)
    if (returns(host, registry_.group(first))) back.push_back(&registry_.group(first));
  if (back.empty()) return text;
  const RestartLimits limits = wait_limits(back);
  history.backoff.quarantined(now - history.since_ms, limits);
  history.due_ms = now + history.backoff.delay_ms(limits).value_or(0);
  return text;
}

// What is lost with a host, what isn't, and what helps.
std::string Manager::what_becomes_of(const HostLink& host) const {
  if (host.groups.empty()) return "it had no NFs";
  std::map<uint16_t, uint32_t> gone, back;  // NFs, by service
  uint32_t come_back = 0;
  for (const uint32_t first : host.groups) {
    const NfGroup& group = registry_.group(first);
    const bool comes = returns(host, group);
    (comes ? back : gone)[group.service] += group.count;
    come_back += comes ? group.count : 0;
  }
  const auto listed = [this](const std::map<uint16_t, uint32_t>& nfs) {
    std::string text;
    for (const auto& [service, count] : nfs)
      text += fmt::format("{}{} of '{}'", text.empty() ? "" : ", ", count, service_names_[service]);
    return text;
  };
  std::string text;
  if (come_back != 0) {
    const uint64_t now = now_ms();
    text = fmt::format("{} of its {} NFs are started again in {:g} s ({}), ", come_back, host.nfs,
                       rounded_seconds(host.history.due_ms - std::min(now, host.history.due_ms)), listed(back));
  }
  if (come_back == host.nfs) return text + "its packets are taken back";
  return text + fmt::format("{} NFs are gone ({}), its packets are taken back; 'roost spawn' starts others",
                            come_back == 0 ? fmt::format("its {}", host.nfs) : std::to_string(host.nfs - come_back),
                            listed(gone));
}

// Its packets are back. What comes back leaves the registry, and keeps its numbers.
void Manager::keep_for_return(const HostLink& host) {
  Comeback comeback{host.id, host.tier, host.tenant, host.core, host.on_dedicated, host.history};
  const std::set<uint32_t> groups = host.groups;
  for (const uint32_t first : groups)
    if (returns(host, registry_.group(first))) comeback.groups.emplace(first, registry_.take_away(first));
  if (comeback.groups.empty()) return;
  comebacks_.add(std::move(comeback));
  set_restart_timer();
}

// Where it was, if that core is still there, and free.
uint32_t Manager::core_for_return(const Comeback& comeback) {
  if (!comeback.on_dedicated) {
    if (shared_cores_.size() == 1) return 0;
    Placing placing;
    loops_->together([&] { placing = loops_->placing(); });
    if (placing.cores.at(comeback.core).usable) return comeback.core;
    SpawnRequest request;
    request.tier = comeback.tier;
    return shared_cores_for(request).front();
  }
  const auto shared = static_cast<uint32_t>(shared_cores_.size());
  if (registry_.host_on_dedicated(comeback.core) == nullptr) return comeback.core;
  for (uint32_t core = shared; core < shared + dedicated_cores_.size(); ++core)
    if (registry_.host_on_dedicated(core) == nullptr) return core;
  fail("none of {} dedicated cores is free; 'roost ps --hosts' shows who has them", dedicated_cores_.size());
}

// A host of its own, also in tier fiber: what crashed one does not come into the process of others.
void Manager::come_back(Comeback comeback) {
  SpawnRequest request;
  request.tier = comeback.tier;
  request.tenant = comeback.tenant;
  request.dedicated = comeback.on_dedicated;
  request.service = service_names_.at(comeback.groups.begin()->second.service);  // all of a host are of one domain
  HostLink* host = nullptr;
  try {
    host = &make_host(request, core_for_return(comeback));
  } catch (const std::exception& error) {
    return come_back_later(std::move(comeback), error.what());
  }
  const uint32_t was = comeback.host;
  const uint64_t since_ms = host->history.since_ms;
  host->history = comeback.history;
  host->history.end = HostHistory::End::asked;
  host->history.since_ms = since_ms;
  ++host->history.restarts;
  inheritance_->keep_host(*host);
  uint32_t nfs = 0;
  std::vector<uint32_t> held;
  while (!comeback.groups.empty()) {
    const NfGroup group = std::move(comeback.groups.extract(comeback.groups.begin()).mapped());
    try {
      start_again(*host, group, held);
      nfs += group.count;
    } catch (const std::exception& error) {
      Comeback alone = comeback;
      alone.groups.clear();
      alone.groups.emplace(group.first, group);
      come_back_later(std::move(alone), error.what());
      if (!host->dead && !host->has_ended()) continue;
      comeback.history.due_ms = 0;  // the others are not to blame
      if (!comeback.groups.empty()) comebacks_.add(std::move(comeback));
      break;
    }
  }
  if (nfs != 0)
    note(fmt::format("{}: in place of host {}, {} NFs are back; restarts so far: {}", host->name(), was, nfs,
                     host->history.restarts),
         EventKind::host);
  for (const uint32_t nf : held)
    event(
        fmt::format("{}: has crashed its host {} times; it is left in quarantine, and others go on; 'roost resume {}' "
                    "gives it packets again",
                    nf_name(nf), crashes_.times(nf), nf),
        EventKind::quarantine);
}

void Manager::start_again(HostLink& host, const NfGroup& group, std::vector<uint32_t>& held) {
  const CrashLimits limits{static_cast<uint32_t>(settings_.get(Setting::crashes_max)),
                           settings_.get(Setting::crash_window_s) * 1'000};
  Returning back{group, {}};
  if (host.tier == Tier::fiber) back.held = crashes_.hold(group.first, group.count, limits, now_ms());
  SpawnRequest request = like(*group.origin, service_names_[group.service], group.count);
  request.module = group.module;
  start_group(host, request, group.origin, group.count, &back);
  for (const uint32_t nf : back.held) quarantine_.seen(nf);
  if (!back.held.empty()) inheritance_->keep_group(group.first);
  held.insert(held.end(), back.held.begin(), back.held.end());
}

void Manager::come_back_later(Comeback comeback, std::string_view why) {
  std::vector<const NfGroup*> groups;
  uint32_t nfs = 0;
  for (const auto& [first, group] : comeback.groups) {
    groups.push_back(&group);
    nfs += group.count;
  }
  const RestartLimits limits = wait_limits(groups);
  comeback.history.backoff.quarantined(0, limits);
  const uint64_t wait_ms = comeback.history.backoff.delay_ms(limits).value_or(0);
  comeback.history.due_ms = now_ms() + wait_ms;
  event(fmt::format("{} NFs of host {} that died, from NF {}: could not be started again: {}; tried again in {:g} s",
                    nfs, comeback.host, comeback.groups.begin()->first, why, rounded_seconds(wait_ms)));
  comebacks_.add(std::move(comeback));
}

// An operator says otherwise. Returns how many NFs.
uint32_t Manager::give_up_returns(const Comebacks::Ranges& ranges) {
  uint32_t nfs = 0;
  for (const auto& [first, count] : ranges) {
    registry_.give_numbers_back(first, count);
    quarantine_.forget(first, count);
    nfs += count;
  }
  set_restart_timer();
  return nfs;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Hosts that end: by themselves, because they must, or because they are asked to.
#include <unistd.h>

#include <optional>

#include "core/error.h"
#include "core/socket.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr int kEndPatience_ms = 2'000;
constexpr int kClosedPatience_ms = 100;  // a process that ends closes its sockets first
constexpr int kStatusPatience_ms = 500;
constexpr useconds_t kTroublePause_us = 10'000;

// Waits for all of them, whom `ends` has, at once, until none has ended for so long; returns those that remain.
std::vector<HostLink*> wait_for_ends(EventSet& ends, const std::vector<HostLink*>& hosts, int patience_ms) {
  std::vector<bool> ended(hosts.size());
  for (size_t left = hosts.size(); left != 0;) {
    const auto ready = ends.ready(patience_ms);
    if (ready.empty()) break;
    for (const uint64_t i : ready) {
      ends.forget(hosts[i]->pidfd.get());
      ended[i] = true;
      --left;
    }
  }
  std::vector<HostLink*> remaining;
  for (size_t i = 0; i < hosts.size(); ++i)
    if (!ended[i]) remaining.push_back(hosts[i]);
  return remaining;
}

std::string_view what_it_did(Breach what) {
  switch (what) {
    case Breach::cursor:
      return "wrote a cursor into its memory that goes back, or past what was put there";
    case Breach::handle:
      return "gave back a packet that it does not hold";
    case Breach::frame:
      return "gave back a packet with an impossible length or offset";
    case Breach::verdict:
      return "gave back a packet with a verdict that there is not, or that it was not granted";
    case Breach::segments:
      break;
  }
  return "gave back a packet of more segments than there can be";
}

}  // namespace

// Without returns: hosts that are due to come back wait for the next call. An event that cannot be dealt with, where
// descriptors have run out, say, comes again, and holds up no other.
void Manager::on_events(bool with_returns) {
  bool restarts = false;
  std::string trouble;
  const auto deal_with = [&trouble](auto&& what) {
    try {
      what();
    } catch (const std::exception& error) {
      trouble = error.what();
    }
  };
  for (const uint64_t event : watched_.ready()) {
    const auto source = static_cast<Source>(event >> 32);
    if (source == Source::restarts)
      restarts = true;  // last: what is still to be told here is of hosts that had their numbers before
    else
      deal_with([&] { on_event(source, static_cast<uint32_t>(event)); });
  }
  if (restarts && with_returns) deal_with([this] { on_restarts(); });
  if (!trouble.empty()) usleep(kTroublePause_us);
  if (trouble != trouble_ && !trouble.empty())
    event(fmt::format("something that happened could not be dealt with: {}; tried again until it can", trouble));
  trouble_ = trouble;
}

void Manager::on_event(Source source, uint32_t number) {
  if (source == Source::newcomers) return turn_away_newcomers();
  if (source == Source::loop) return read_loop_notices();
  if (source == Source::links) return look_at_links();
  if (source == Source::nursery) return read_nursery_notices();
  if (source == Source::rules) return end_rules();
  if (source == Source::cores) return check_cores();
  HostLink* host = registry_.find_host(number);
  if (host == nullptr || host->dead) return;  // by an event before this one
  if (source == Source::host_process) return host_died(*host);
  if (host->socket) host_spoke(*host);
}

// Hosts end with the nursery that they were forked from, each an event of its own; the manager and its ports go on.
void Manager::read_nursery_notices() {
  try {
    if (nursery_) nursery_->read_notices();
  } catch (const std::exception& error) {
    event(fmt::format("nursery (pid {}): {}; its hosts end with it, the next 'roost spawn' starts another",
                      nursery_->pid(), error.what()));
    nursery_.reset();
    for (const auto& [id, host] : registry_.hosts()) host->orphan = true;
  }
}

void Manager::read_loop_notices() {
  std::vector<HostLink*> swept;
  for (const LoopNotice& notice : loop_notices_.take()) {
    HostLink& host = *registry_.find_host(notice.host);  // nothing is heard of a host once it is swept
    if (notice.kind == LoopNotice::Kind::swept)
      swept.push_back(&host);
    else if (notice.kind == LoopNotice::Kind::moved)
      registry_.move_host(host, notice.core), inheritance_->keep_host(host);
    else if (notice.kind == LoopNotice::Kind::overrun)
      on_overrun(host, notice.overrun);
    else if (!host.dead)
      kill_host(host, what_it_did(notice.what));
  }
  std::vector<uint32_t> groups;
  for (const HostLink* host : swept) groups.insert(groups.end(), host->groups.begin(), host->groups.end());
  forget(groups);
  for (const HostLink* host : swept) {
    inheritance_->drop_host(*host);
    keep_for_return(*host);
    for (const uint32_t first : host->groups) quarantine_.forget(first, registry_.group(first).count);
    registry_.remove_host(host->id);
  }
  hosts_leaving_ -= static_cast<uint32_t>(swept.size());
}

// Hosts answer, and say nothing else.
void Manager::host_spoke(HostLink& host) {
  bool closed = false;
  receive_message(host.socket.get(), &closed);
  if (closed && readable_within(host.pidfd.get(), kClosedPatience_ms)) return host_died(host);
  kill_host(host, closed ? "closed its socket" : "speaks without being asked");
}

// Its end is an event of its own.
void Manager::kill_host(HostLink& host, std::string_view why) {
  event(fmt::format("{}: {}; it is killed", host.name(), why));
  registry_.close_host(host);
  host.kill_now();
  host.socket.reset();
}

void Manager::host_died(HostLink& host) {
  int status = -1;
  try {
    if (nursery_ && !host.orphan) status = nursery_->wait_status(host.pid, kStatusPatience_ms);
  } catch (const Error&) {  // the nursery has died too; the next event says so
  }
  const std::string how = how_it_ended(status) + out_of_memory(host), more = note_end(host, how, status);
  event(fmt::format("{}: {}{}; {}", host.name(), how, more, what_becomes_of(host)));
  bury({&host});
}

// Empty: that is not what ended it.
std::string Manager::out_of_memory(const HostLink& host) const {
  if (!groups_ || !groups_->out_of_memory(host.generation)) return "";
  return fmt::format(", out of memory: it needs more than its {} MiB ([hosts] memory_max_mib)",
                     groups_->limits().memory_max_mib);
}

// Hosts that have nothing to do any more: all are asked to end, all are waited for, and those that remain are killed.
// Returns whom that befell. Throws Error, before anybody is asked; but not of one alone, which takes no descriptor.
std::vector<std::string> Manager::end_hosts(const std::vector<HostLink*>& hosts) {
  std::optional<EventSet> ends;
  if (hosts.size() > 1) ends.emplace();
  for (size_t i = 0; ends && i < hosts.size(); ++i) ends->watch(hosts[i]->pidfd.get(), i);
  for (HostLink* host : hosts) {
    registry_.close_host(*host);
    try {
      host->tell("quit", Json::object());
    } catch (const Error&) {  // it has ended by itself
    }
  }
  std::vector<HostLink*> remaining;
  if (ends)
    remaining = wait_for_ends(*ends, hosts, kEndPatience_ms);
  else if (!hosts.empty() && !readable_within(hosts.front()->pidfd.get(), kEndPatience_ms))
    remaining = hosts;
  std::vector<std::string> killed;
  for (HostLink* host : remaining) {
    event(fmt::format("{}: does not end when asked; it is killed", host->name()));
    host->kill_now();
    killed.push_back(host->name());
  }
  for (const HostLink* host : remaining) readable_within(host->pidfd.get(), kEndPatience_ms);
  bury(hosts);
  return killed;
}

// The processes are gone. Their NFs leave their services and their packets come back by the ledger; only when all are
// back the hosts are forgotten, in read_loop_notices().
void Manager::bury(const std::vector<HostLink*>& hosts) {
  std::vector<std::vector<uint32_t>> numbers(loops_->size());  // by loop
  std::vector<uint32_t> groups;
  for (HostLink* host : hosts) {
    host->dead = true;
    host->socket.reset();
    host->pidfd.reset();
    registry_.close_host(*host);
    if (nursery_ && !host->orphan) nursery_->forget(host->pid);
    if (groups_) groups_->remove(host->generation);
    numbers[loops_->number_of_core(host->core)].push_back(host->id);
    groups.insert(groups.end(), host->groups.begin(), host->groups.end());
  }
  retire(groups);
  hosts_leaving_ += static_cast<uint32_t>(hosts.size());
  for (uint32_t loop = 0; loop < numbers.size(); ++loop) {
    if (numbers[loop].empty()) continue;
    DataLoop& home = (*loops_)[loop];
    home.post([this, &home, own = std::move(numbers[loop])] {
      for (const uint32_t number : own)
        home.remove_host(number, [this, number] { loop_notices_.put({LoopNotice::Kind::swept, number, {}}); });
    });
  }
}

// What comes back of hosts that have died by now is known then.
void Manager::take_in_deaths() {
  on_events(false);
  wait_for_sweeps();
}

void Manager::wait_for_sweeps() {
  while (hosts_leaving_ != 0) {
    readable_within(loop_notices_.fd(), -1);  // the loop always turns
    read_loop_notices();
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The wakeup role: whose worker is woken, when, and who gives way on a shared core. No loop here visits a worker that
// sleeps and has nothing.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {

WakeThreshold DataLoop::threshold_of(const HostState& host) const noexcept {
  return {host.settings.wake_packets.value_or(settings_.get(Setting::wake_packets)),
          clock_.from_us(host.settings.wake_deadline_us.value_or(settings_.get(Setting::wake_deadline_us)))};
}

// Whoever got packets in this turn; and deadlines that have come: packets below the threshold, or a worker's own timer.
void DataLoop::wake() noexcept {
  mark_ready();
  wheel_.advance(now_, [this](uint32_t host) {
    if (hosts_[host] && wake_host(*hosts_[host])) counters_.wakes_by_deadline.add(1);
  });
}

// After a delivery to this worker, or when it has just been parked.
void DataLoop::consider(HostState& host) noexcept {
  if (!host.parked) return;
  const uint64_t waiting = host.delivered - host.region.worker().report.taken.load(std::memory_order_relaxed);
  if (waiting == 0) return;
  const bool first = host.since_tsc == 0;
  if (first) host.since_tsc = now_;
  const WakeThreshold threshold = threshold_of(host);
  if (worth_waking(waiting, now_ - host.since_tsc, threshold))
    wake_host(host);
  else if (first || !wheel_.armed(host.id))  // the earlier of the packets' deadline and the worker's own
    wheel_.arm(host.id, std::min(wake_due(host.since_tsc, threshold),
                                 host.region.worker().report.deadline_tsc.load(std::memory_order_relaxed)));
}

// The worker that the packets reach after this one: waking it takes longer than the work before it.
void DataLoop::consider_ahead(HostState& host) noexcept {
  const uint32_t ahead = std::exchange(host.ahead_host, UINT32_MAX);
  if (ahead == UINT32_MAX || ahead == host.id) return;
  HostState* next = hosts_[ahead].get();
  if (next != nullptr && next->parked && wake_host(*next)) counters_.wakes_ahead.add(1);
}

bool DataLoop::wake_host(HostState& host) noexcept {
  Doorbell& bell = host.region.worker().bell;
  if (!host.parked || !host.live) return false;
  host.parked = false;
  host.wanted = false;
  host.since_tsc = 0;
  wheel_.disarm(host.id);
  enter_awake(host);
  bell.release();
  if (wake_thread_ == nullptr || !wake_thread_->hand_over(bell, host.wait_mode)) bell.unblock(host.wait_mode);
  counters_.kernel_wakes.add(1);
  return true;
}

void DataLoop::enter_awake(HostState& host) noexcept {
  host.awake_place = static_cast<uint32_t>(awake_.size());
  awake_.push_back(&host);
  awake_on_core_[host.core].push_back(&host);
  core_changed(host.core);
}

void DataLoop::leave_awake(HostState& host) noexcept {
  awake_.back()->awake_place = host.awake_place;
  awake_[host.awake_place] = awake_.back();
  awake_.pop_back();
  auto& peers = awake_on_core_[host.core];
  peers.erase(std::find(peers.begin(), peers.end(), &host));
  core_changed(host.core);
}

// A worker has announced that it sleeps and its outbox is empty: from here on the loop answers for waking it.
bool DataLoop::park(HostState& host) noexcept {
  if (!host.region.worker().bell.park()) return false;
  host.parked = true;
  leave_awake(host);
  const uint64_t deadline = host.region.worker().report.deadline_tsc.load(std::memory_order_relaxed);
  if (deadline != UINT64_MAX) wheel_.arm(host.id, std::max(deadline, now_));
  consider(host);
  if (host.wanted) wake_host(host);
  return true;
}

// Who is up on a core tells the others apart from a core of one's own; and those that have been up the longest rest
// first, where there are too many. Their orders lie in lines that the workers read all the time: written only where
// something changes for them.
void DataLoop::core_changed(uint32_t core) noexcept {
  auto& peers = awake_on_core_[core];
  const size_t most = settings_.get(Setting::awake_max);
  for (size_t i = 0; i < peers.size(); ++i) {
    HostState& host = *peers[i];
    auto& orders = host.region.worker().orders;
    const bool has_peers = peers.size() > 1, rests = peers.size() - i > most;
    if (host.told_peers != has_peers) orders.awake_peers.store(has_peers, std::memory_order_relaxed);
    if (host.told_rest != rests) orders.rest.store(rests, std::memory_order_relaxed);
    host.told_peers = has_peers;
    host.told_rest = rests;
  }
}

}  // namespace roost

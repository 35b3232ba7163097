// SPDX-License-Identifier: BSD-3-Clause
// The wakeup role: whose worker is woken, and when. No loop here visits a worker that sleeps and has nothing. Whether
// there is room on its core is in turns.cc.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {

WakeThreshold DataLoop::threshold_of(const HostState& host) const noexcept {
  if (host.control) [[unlikely]]
    return host.control->threshold();
  return {host.settings.wake_packets.value_or(settings_.get(Setting::wake_packets)),
          clock_.from_us(host.settings.wake_deadline_us.value_or(settings_.get(Setting::wake_deadline_us)))};
}

// Whoever got packets in this turn; and deadlines that have come: packets below the threshold, or a worker's own timer.
void DataLoop::wake() noexcept {
  announce();
  wheel_.advance(now_, [this](uint32_t id) {
    if (id >= hosts_.size())
      look_at_turn(id - static_cast<uint32_t>(hosts_.size()));
    else if (hosts_[id] && want_core(*hosts_[id]))
      counters_.wakes_by_deadline.add(1);
  });
}

// After a delivery to this worker, or when it has just been parked.
void DataLoop::consider(HostState& host) noexcept {
  if (!host.parked || host.queued) return;
  const uint64_t waiting = host.delivered - host.region.worker().report.taken.load(std::memory_order_relaxed);
  if (waiting == 0) return;
  const bool first = host.since_tsc == 0;
  if (first) host.since_tsc = now_;
  const WakeThreshold threshold = threshold_of(host);
  if (worth_waking(waiting, now_ - host.since_tsc, threshold))
    want_core(host);
  else if (first || !wheel_.armed(host.id))  // the earlier of the packets' deadline and the worker's own
    wheel_.arm(host.id, std::min(wake_due(host.since_tsc, threshold),
                                 host.region.worker().report.deadline_tsc.load(std::memory_order_relaxed)));
}

// The worker that the packets reach after this one: waking it takes longer than the work before it.
void DataLoop::consider_ahead(HostState& host) noexcept {
  const uint32_t ahead = std::exchange(host.ahead_host, UINT32_MAX);
  if (ahead == UINT32_MAX || ahead == host.id) return;
  HostState* next = hosts_[ahead].get();
  if (next == nullptr || !next->parked || next->queued || !next->live || !has_room(cores_[next->core])) return;
  wake_host(*next);
  counters_.wakes_ahead.add(1);
}

// It is parked, and there is room on its core.
void DataLoop::wake_host(HostState& host) noexcept {
  Doorbell& bell = host.region.worker().bell;
  host.parked = false;
  host.wanted = false;
  host.since_tsc = 0;
  if (host.control) [[unlikely]]
    host.control->woken(now_);
  wheel_.disarm(host.id);
  enter_awake(host);
  bell.release();
  if (wake_thread_ == nullptr || !wake_thread_->hand_over(bell, host.wait_mode, number_)) bell.unblock(host.wait_mode);
  counters_.kernel_wakes.add(1);
  // Not before: who is up and has nothing makes room, and the core would stand still until this one can run.
  give_orders(cores_[host.core]);
}

void DataLoop::enter_awake(HostState& host) noexcept {
  host.awake_place = static_cast<uint32_t>(awake_.size());
  awake_.push_back(&host);
  enter_core(host);
}

void DataLoop::leave_awake(HostState& host) noexcept {
  awake_.back()->awake_place = host.awake_place;
  awake_[host.awake_place] = awake_.back();
  awake_.pop_back();
  leave_core(host);
}

// A worker has announced that it sleeps and its outbox is empty: from here on the loop answers for waking it.
bool DataLoop::park(HostState& host) noexcept {
  WorkerRecord& worker = host.region.worker();
  if (!worker.bell.park()) return false;
  host.parked = true;
  leave_awake(host);
  if (host.moves_to != kNoCore) [[unlikely]]
    move(host, host.moves_to);
  const uint64_t deadline = worker.report.deadline_tsc.load(std::memory_order_relaxed);
  host.has_more = deadline == kHasMore;
  if (host.has_more) {
    want_core(host);
  } else {
    if (deadline != kNoDeadline) wheel_.arm(host.id, std::max(deadline, now_));
    consider(host);
    if (host.wanted) want_core(host);
  }
  pass_on(host);
  return true;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Who is up on a shared core. At most awake_max of its workers are; where turns are used up, two: the one whose turn it
// is and the next, who is up already, so that the core goes from one to the other without a pause. Who is worth waking
// while the core is full waits in the core's queue, and is woken when another parks.
//
//   asleep --worth waking--> waits in the queue --room--> up --its turn--> has the core
//      ^                            ^                                          |
//      +--- nothing left to do -----|--------------- the turn is over ---------+
//
// Nothing here visits workers that sleep or wait: what it costs depends on those that are up.
#include <algorithm>
#include <utility>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr size_t kAwakeInTurns = 2;  // the one that has the turn, and the next
// What to come up and to sleep costs a core. Charged, or many small visits would look cheaper than a few that do the
// same work, and come first.
constexpr uint64_t kVisit_us = 3;
constexpr bool polls(const HostState& host) noexcept { return host.wait_mode == WaitMode::spin; }

}  // namespace

bool DataLoop::wants(const HostState& host) noexcept {
  return host.has_more || host.delivered != host.region.worker().report.taken.load(std::memory_order_relaxed);
}

bool DataLoop::has_room(const SharedCore& core) const noexcept {
  size_t most = settings_.get(Setting::awake_max);
  if (core.full_turns()) most = std::min(most, kAwakeInTurns);
  return core.awake.size() < most + core.squatters;
}

// There is a reason to wake this worker: at once, or when its core has room for it. False: it is up, or waits already.
bool DataLoop::want_core(HostState& host) noexcept {
  if (!host.parked || host.queued || !host.live) return false;
  SharedCore& core = cores_[host.core];
  if (polls(host) || (!core.contended && core.queue->waiting() == 0 && has_room(core))) {
    wake_host(host);
    return true;
  }
  // Full of those that wait for packets: the one that has been up the longest makes room at once.
  if (!core.contended && !make_room(core)) begin_contention(core);
  wheel_.disarm(host.id);
  host.queued = true;
  core.queue->wait(host.waiter);
  watch(host.core);
  fill(core);
  if (host.queued) counters_.core_waits.add(1);
  return true;
}

// Has the first that is up and has no packets go to sleep. False: there is none.
bool DataLoop::make_room(SharedCore& core) noexcept {
  const auto idle =
      std::find_if(core.awake.begin(), core.awake.end(), [](const HostState* host) { return !wants(*host); });
  if (idle == core.awake.end()) return false;
  (*idle)->makes_room = true;
  give_orders(core);
  return true;
}

// Those who wait, as long as there is room.
void DataLoop::fill(SharedCore& core) noexcept {
  while (core.queue->waiting() != 0 && has_room(core)) {
    CoreWaiter& first = *core.queue->first();
    core.queue->take(first);
    HostState& host = *hosts_[first.id];
    host.queued = false;
    wake_host(host);
  }
}

// It is up from now on: woken, or new. The caller tells the others when it can run.
void DataLoop::enter_core(HostState& host) noexcept {
  SharedCore& core = cores_[host.core];
  host.woken_tsc = now_;
  host.holds.begin(now_);
  know_thread(host);
  if (polls(host)) {
    core.polling.push_back(&host);
    return;
  }
  if (measures_ && !std::exchange(host.counted, true)) active_.push_back(&host);
  const auto squatters =
      std::find_if(core.awake.begin(), core.awake.end(), [](const HostState* up) { return up->squats; });
  if (squatters == core.awake.begin()) core.turn_tsc = now_;
  if (core.contended) {
    core.queue->present(host.waiter);
    if (std::exchange(host.contention, core.contention) != core.contention) open_account(host);
  }
  core.awake.insert(squatters, &host);
  tell(host, core.awake.size() + core.polling.size() > 1, core.contended ? kRestWhenDry : kStay);
  watch(host.core);
}

void DataLoop::leave_core(HostState& host) noexcept {
  SharedCore& core = cores_[host.core];
  auto& list = polls(host) ? core.polling : core.awake;
  const auto place = std::find(list.begin(), list.end(), &host);
  const bool had_the_turn = !polls(host) && place == list.begin();
  set_back(core, host, false);
  if (core.contended && !polls(host)) {
    if (had_the_turn)
      charge_turn(core);
    else
      core.claimed += charge(core, host);
    core.queue->charge(host.waiter, clock_.from_us(kVisit_us));
  }
  if (std::exchange(host.squats, false)) --core.squatters;
  if (core.used_up != 0 && !host.gives_way) --core.used_up;
  host.gives_way = host.stands_by = host.makes_room = false;
  list.erase(place);
  if (had_the_turn && !list.empty()) {
    core.turn_tsc = now_;
    HostState& next = *list.front();
    next.stands_by = false;
    if (!next.squats) next.gives_way = false;
  }
  give_orders(core);
}

// It has parked, and the queue knows whether it waits: others have its place.
void DataLoop::pass_on(HostState& host) noexcept {
  SharedCore& core = cores_[host.core];
  if (polls(host)) return;
  if (host.parked && !host.queued && host.waiter.contends) core.queue->absent(host.waiter);
  fill(core);
}

void DataLoop::tell(HostState& host, bool peers, uint32_t rest) noexcept {
  auto& orders = host.region.worker().orders;
  if (host.told_peers != peers) orders.awake_peers.store(peers, std::memory_order_relaxed);
  if (host.told_rest != rest) orders.rest.store(rest, std::memory_order_relaxed);
  host.told_peers = peers;
  host.told_rest = rest;
}

// Orders lie in lines that the workers read all the time: written only where something changes for them.
void DataLoop::give_orders(SharedCore& core) noexcept {
  const bool peers = core.awake.size() + core.polling.size() > 1;
  if (!core.polling.empty() && (core.told_peers != peers || core.polling.back()->told_peers != peers))
    for (HostState* host : core.polling) tell(*host, peers, kStay);
  core.told_peers = peers;
  for (HostState* host : core.awake) {
    uint32_t rest = host->makes_room ? kRestWhenDry : kStay;
    if (core.contended) rest = host->gives_way ? kGiveWay : host->stands_by ? kStandBy : kRestWhenDry;
    if (host->moves_to != kNoCore) rest = kGiveWay;
    tell(*host, peers, rest);
  }
}

// A core with more than one worker that is up, or waits, is looked at once a turn.
void DataLoop::watch(uint32_t number) noexcept {
  const SharedCore& core = cores_[number];
  const uint32_t id = static_cast<uint32_t>(hosts_.size()) + number;
  const bool shared = core.contended || core.awake.size() > 1 || core.queue->waiting() != 0;
  if ((shared || core.set_back != 0) && !wheel_.armed(id))
    wheel_.arm(id, now_ + clock_.from_us(settings_.get(Setting::turn_us)));
}

}  // namespace roost

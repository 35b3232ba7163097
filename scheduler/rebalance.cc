// SPDX-License-Identifier: BSD-3-Clause
// Workers that move from one shared core to another, with all their NFs. Where to is the policy's to say
// (policy/placement.h); a move is made while the worker is parked, so between two dispatches and with nothing in its
// hands. One that is up is told to give way. Its rings stay where they are, and so does what is in them: nothing is
// lost, and no packet passes another.
//
// Costs nothing with one shared core; with several, once in rebalance_ms, what there are cores and active workers.
#include <algorithm>
#include <array>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint32_t kMovesMost = 8;     // a period
constexpr uint32_t kStayPeriods = 10;  // so long a worker stays that has moved

}  // namespace

void DataLoop::read_placement() noexcept {
  rebalance_cycles_ = placed_cores_.size() > 1 ? clock_.from_us(1'000 * settings_.get(Setting::rebalance_ms)) : 0;
  measures_ = share_policy_ == SharePolicy::rate_cost || rebalance_cycles_ != 0;
  if (!measures_) {
    for (HostState* host : active_) host->counted = false;
    active_.clear();
    return;
  }
  for (HostState* host : awake_) {  // they may stay up for long
    if (host->wait_mode == WaitMode::spin || std::exchange(host->counted, true)) continue;
    active_.push_back(host);
  }
}

// Not those that poll: a core is theirs.
bool DataLoop::movable(const HostState& host) const noexcept {
  return host.live && host.wait_mode != WaitMode::spin && host.core < placed_cores_.size();
}

// Loads of the cores, and who can be moved: workers on their way count where they go.
void DataLoop::measure_cores() noexcept {
  for (size_t i = 0; i < placed_cores_.size(); ++i) {
    placed_cores_[i].load = 0;
    placed_cores_[i].workers = cores_[i].workers;
  }
  candidates_.clear();
  for (const HostState* host : active_) {
    if (!movable(*host)) continue;
    const bool stays = host->moves_to == kNoCore;
    const uint32_t core = stays ? host->core : host->moves_to;
    placed_cores_[core].load += host->demand;
    if (stays) candidates_.push_back({host->id, core, host->demand, host->moved});
  }
}

void DataLoop::rebalance() noexcept {
  rebalance_tsc_ = now_;
  ++periods_;
  measure_cores();
  PlacementOptions options;
  options.margin = static_cast<double>(settings_.get(Setting::rebalance_margin_percent)) / 100;
  options.stay_periods = kStayPeriods;
  options.moves_max = kMovesMost;
  std::array<PlacementMove, kMovesMost> moves;
  const size_t count = LevelOut(options).decide(placed_cores_, candidates_, periods_, moves);
  for (size_t i = 0; i < count; ++i) send(*hosts_[moves[i].worker], moves[i].to);
}

// At once if it is parked, else when it has given way.
void DataLoop::send(HostState& host, uint32_t to) noexcept {
  host.moved = periods_;
  if (host.parked) return move(host, to);
  host.moves_to = to;
  give_orders(cores_[host.core]);
}

// It is parked. Its account with the new core is opened anew: what it used elsewhere is nothing to those that are
// there.
void DataLoop::move(HostState& host, uint32_t to) noexcept {
  SharedCore& from = cores_[host.core];
  const bool waits = std::exchange(host.queued, false);
  if (waits) from.queue->unwait(host.waiter);
  from.queue->remove(host.waiter);
  --from.workers;
  ++cores_[to].workers;
  host.core = to;
  host.moves_to = kNoCore;
  host.contention = 0;
  cores_[to].queue->add(host.waiter);
  say_cpu(host);
  counters_.moves.add(1);
  if (tell_move_) tell_move_(host.id, to);
  fill(from);
  if (waits) want_core(host);
}

// The worker goes there when it is woken next.
void DataLoop::say_cpu(HostState& host) noexcept {
  WorkerOrders& orders = host.region.worker().orders;
  orders.cpu.store(static_cast<uint16_t>(cores_[host.core].cpu), std::memory_order_relaxed);
  orders.cpu_orders.store(++host.cpu_orders, std::memory_order_release);
}

Placing DataLoop::placing() noexcept {
  measure_cores();
  double demand = 0;
  for (const PlacedWorker& worker : candidates_) demand += worker.demand;
  return {placed_cores_, candidates_.empty() ? 0 : demand / static_cast<double>(candidates_.size())};
}

// Looks at every host: it happens seldom. Where no core is left, workers stay, and the kernel runs them where it can.
void DataLoop::set_usable(uint32_t core, bool usable) noexcept {
  if (core >= placed_cores_.size() || std::exchange(placed_cores_[core].usable, usable) == usable) return;
  measure_cores();
  for (auto& each : hosts_) {
    if (!each || !movable(*each)) continue;
    HostState& host = *each;
    if (usable && host.core == core) say_cpu(host);  // the kernel has forgotten
    const uint32_t planned = host.moves_to == kNoCore ? host.core : host.moves_to;
    if (placed_cores_[planned].usable) continue;
    const uint32_t to = core_instead(placed_cores_, planned);
    if (to == kNoCore) continue;
    placed_cores_[planned].load -= host.demand;
    placed_cores_[to].load += host.demand;
    --placed_cores_[planned].workers;
    ++placed_cores_[to].workers;
    if (to != host.core) {
      send(host, to);
    } else {  // it was about to leave
      host.moves_to = kNoCore;
      give_orders(cores_[host.core]);
    }
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Who lives on which shared core, and what they are entitled to there.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint64_t kDebtMax_us = 1'000'000;

}  // namespace

CoreQueueOptions DataLoop::queue_options() const noexcept {
  CoreQueueOptions options;
  options.order = order_of(share_policy_);
  options.floor_percent = static_cast<uint32_t>(settings_.get(Setting::priority_floor_percent));
  options.debt_cycles_max = clock_.from_us(kDebtMax_us);
  return options;
}

void DataLoop::prepare_core(SharedCore& core) {
  core.awake.reserve(hosts_.size());
  core.polling.reserve(hosts_.size());
  if (!core.queue) core.queue = make_core_queue(queue_options());
}

// Before it is up.
void DataLoop::add_to_core(HostState& host) {
  if (cores_.size() <= host.core) cores_.resize(host.core + 1);
  SharedCore& core = cores_[host.core];
  prepare_core(core);
  core.workers += host.wait_mode != WaitMode::spin;
  host.waiter.id = host.id;
  weigh(host);
  core.queue->add(host.waiter);
}

// It is parked, or was taken from those that are up.
void DataLoop::remove_from_core(HostState& host) noexcept {
  SharedCore& core = cores_[host.core];
  if (std::exchange(host.queued, false)) core.queue->unwait(host.waiter);
  core.queue->remove(host.waiter);
  core.workers -= host.wait_mode != WaitMode::spin;
  if (std::exchange(host.counted, false)) std::erase(active_, &host);
  fill(core);
}

// Another policy: the same workers in other queues.
void DataLoop::renew_queues() {
  const auto policy = static_cast<SharePolicy>(settings_.get(Setting::share_policy));
  const auto floor = static_cast<uint32_t>(settings_.get(Setting::priority_floor_percent));
  if (std::exchange(share_policy_, policy) == policy && std::exchange(floor_percent_, floor) == floor) return;
  floor_percent_ = floor;
  std::vector<std::unique_ptr<CoreQueue>> old;
  for (SharedCore& core : cores_) old.push_back(std::exchange(core.queue, make_core_queue(queue_options())));
  for (auto& host : hosts_) {
    if (!host || !host->live) continue;
    if (host->queued) old[host->core]->unwait(host->waiter);
    old[host->core]->remove(host->waiter);
    CoreQueue& queue = *cores_[host->core].queue;
    weigh(*host);
    queue.add(host->waiter);
    if (host->queued) queue.wait(host->waiter);
    if (!host->parked && cores_[host->core].contended) queue.present(host->waiter);
    host->counted = false;
    host->demand = 0;
  }
  active_.clear();
}

// Its service has this priority; a host with NFs of several has the highest of them.
void DataLoop::raise_priority(HostState& host, uint32_t priority) {
  if (priority <= host.waiter.priority) return;
  CoreQueue& queue = *cores_[host.core].queue;
  const bool contends = host.waiter.contends;
  if (host.queued) queue.unwait(host.waiter);
  queue.remove(host.waiter);
  host.waiter.priority = priority;
  queue.add(host.waiter);
  if (host.queued)
    queue.wait(host.waiter);
  else if (contends)
    queue.present(host.waiter);
}

void DataLoop::weigh(HostState& host) noexcept {
  host.waiter.weight = queue_weight(share_policy_, host.weight, host.load);
}

// What those that were active want and cost. Who was not since the last time leaves the list.
void DataLoop::update_loads() noexcept {
  const uint64_t period = now_ - std::exchange(loads_tsc_, now_);
  if (!measures_) return;
  const double part =
      rebalance_cycles_ <= period ? 1 : static_cast<double>(period) / static_cast<double>(rebalance_cycles_);
  std::erase_if(active_, [&](HostState* host) {
    const WorkerReport& report = host->region.worker().report;
    const auto since = [](uint64_t& before, uint64_t now) { return now - std::exchange(before, now); };
    const uint64_t delivered = since(host->load_delivered, host->delivered);
    host->load.arrivals = delivered + since(host->load_refused, host->refused);
    host->load.packets = since(host->load_taken, report.taken.load(std::memory_order_relaxed));
    host->load.cycles = std::min(since(host->load_busy, report.busy_cycles.load(std::memory_order_relaxed)), period);
    const bool active = host->load.arrivals != 0 || !host->parked || host->queued;
    if (active || rebalance_cycles_ == 0) {  // who stays in the list only for the demand to fade keeps its weight
      update_load(host->load, period);
      weigh(*host);
    }
    host->demand += ((active ? host->load.load : 0) - host->demand) * part;
    host->counted = active || host->demand >= kDemandLeast;
    if (!host->counted) host->demand = 0;
    return !host->counted;
  });
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/simulation.h"

#include <algorithm>

namespace roost::simulator {
namespace {

constexpr uint32_t kInTheMiddle = 64;  // as the data loop: a host may have so many of the middle of chains in any case
constexpr uint64_t kLoseEvery = 1'000;

}  // namespace

Simulation::Simulation(const Model& model, const Policies& policies)
    : model_(model),
      policies_(policies),
      chance_(model.seed),
      nfs_(model.nfs.size()),
      workers_(model.workers.size()),
      cores_(model.cores),
      checks_(model, policies.promise) {
  for (uint32_t id = 0; id < workers_.size(); ++id) {
    workers_[id].order = policies_.run_schedule(model_);
    workers_[id].core = model_.workers[id].core;
  }
  for (auto& core : cores_) core.order = policies_.core_schedule(model_);
  for (uint32_t source = 0; source < model_.sources.size(); ++source)
    at(model_.sources[source].from_cycles + chance_.below(model_.sources[source].gap_cycles * 2), Kind::arrival,
       source);
  at(model_.check_cycles, Kind::inspect, 0);
  if (model_.rebalance_cycles != 0) at(model_.rebalance_cycles, Kind::rebalance, 0);
}

const Totals& Simulation::run() {
  while (!events_.empty() && events_.top().at <= model_.end_cycles) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    ++totals_.events;
    handle(event);
  }
  now_ = model_.end_cycles;
  inspect();
  return totals_;
}

void Simulation::handle(const Event& event) {
  switch (event.kind) {
    case Kind::arrival:
      return arrival(event.id);
    case Kind::deadline:
      return consider(event.id);
    case Kind::awake:
      workers_[event.id].state = SimWorker::State::queued;
      cores_[workers_[event.id].core].order->wait(event.id);
      return schedule(workers_[event.id].core);
    case Kind::dispatched:
      return dispatched(event.id);
    case Kind::inspect:
      inspect();
      return at(now_ + model_.check_cycles, Kind::inspect, 0);
    case Kind::rebalance:
      rebalance();
      return at(now_ + model_.rebalance_cycles, Kind::rebalance, 0);
  }
}

void Simulation::arrival(uint32_t id) {
  const SourceModel& source = model_.sources[id];
  if (now_ >= source.until_cycles) return;
  const uint64_t count = 1 + chance_.below(source.burst_max);
  for (uint64_t i = 0; i < count; ++i) {
    ++totals_.arrived;
    const uint32_t nf = source.path.front();
    const uint32_t limit = policies_.buffer_limit(free_packets());
    if (free_packets() == 0) {
      refuse(id, totals_.refused_no_buffer);
    } else if (!admits(source)) {
      refuse(id, totals_.refused_backpressure);
    } else if (nfs_[nf].inbox.size() >= model_.nfs[nf].inbox_slots) {
      refuse(id, totals_.refused_inbox);
    } else if (nfs_[nf].inbox.size() >= buffer_left(limit, workers_[model_.nfs[nf].worker].owned)) {
      refuse(id, totals_.refused_share);
    } else {
      if (unused_packets_.empty()) {
        unused_packets_.push_back(static_cast<uint32_t>(packets_.size()));
        packets_.emplace_back();
      }
      const uint32_t packet = unused_packets_.back();
      unused_packets_.pop_back();
      ++in_pool_use_;
      packets_[packet] = {now_, now_, 0, id, 0};
      deliver(packet, nf);
    }
  }
  at(now_ + count * (1 + chance_.below(2 * source.gap_cycles - 1)), Kind::arrival, id);
}

void Simulation::refuse(uint32_t source, uint64_t& cause) {
  ++cause;
  const uint32_t nf = model_.sources[source].path.front();
  ++nfs_[nf].refused;
  ++workers_[model_.nfs[nf].worker].load.arrivals;
  checks_.refused(now_, source);
}

bool Simulation::admits(const SourceModel& source) const {
  return backlogged_.empty() ||
         std::all_of(source.path.begin(), source.path.end(), [&](uint32_t nf) { return nfs_[nf].backlog.empty(); });
}

// For a packet in the middle of its chain.
bool Simulation::may_go_on(uint32_t nf) const {
  const SimWorker& worker = workers_[model_.nfs[nf].worker];
  const uint32_t slots = model_.nfs[nf].inbox_slots;
  const size_t has = nfs_[nf].inbox.size();
  if (has >= slots || worker.owned < kInTheMiddle) return has < slots;
  return has < buffer_left(policies_.buffer_limit(free_packets()), worker.owned);
}

void Simulation::deliver(uint32_t packet, uint32_t nf_id) {
  SimNf& nf = nfs_[nf_id];
  const uint32_t worker_id = model_.nfs[nf_id].worker;
  SimWorker& worker = workers_[worker_id];
  packets_[packet].at_hop = now_;
  packets_[packet].bound = checks_.bound(nf_id, nf.inbox.size());
  if (nf.inbox.empty()) nf.hungry_since = now_;
  nf.inbox.push_back(packet);
  ++worker.owned;
  ++worker.load.arrivals;
  if (!nf.queued) {
    nf.queued = true;
    worker.order->add(nf_id);
  }
  if (worker.waiting++ == 0 && worker.state == SimWorker::State::asleep) {
    worker.since = now_;
    at(std::max(now_, policies_.wake_due(now_, model_.wake)), Kind::deadline, worker_id);
  }
  consider(worker_id);
}

// Whether to wake this worker.
void Simulation::consider(uint32_t id) {
  SimWorker& worker = workers_[id];
  if (worker.state != SimWorker::State::asleep) return;
  if (!policies_.worth_waking(worker.waiting, now_ - worker.since, model_.wake)) return;
  totals_.wakes_by_deadline += worker.waiting < model_.wake.packets;
  ++totals_.wakes;
  ++worker.wakes;
  worker.state = SimWorker::State::waking;
  at(now_ + model_.wake_latency_cycles, Kind::awake, id);
}

void Simulation::schedule(uint32_t core_id) {
  SimCore& core = cores_[core_id];
  if (core.running != kNone || core.order->empty()) return;
  core.running = core.order->next();
  SimWorker& worker = workers_[core.running];
  worker.state = SimWorker::State::running;
  worker.turn_used = 0;
  core.switching += model_.switch_cycles;
  start_dispatch(core_id, model_.switch_cycles);
}

void Simulation::start_dispatch(uint32_t core_id, uint64_t delay_cycles) {
  SimCore& core = cores_[core_id];
  SimWorker& worker = workers_[core.running];
  const RunSchedule::Turn turn = worker.order->next(model_.burst_packets);
  core.nf = turn.nf;
  SimNf& nf = nfs_[core.nf];
  const uint64_t start = now_ + delay_cycles;
  while (core.in_hand.size() < turn.packets && !nf.inbox.empty()) {
    const Packet& packet = packets_[nf.inbox.front()];
    checks_.waited(start, core.nf, start - packet.at_hop, packet.bound);
    totals_.longest_wait_cycles = std::max(totals_.longest_wait_cycles, start - packet.at_hop);
    totals_.wait_cycles += start - packet.at_hop;
    core.in_hand.push_back(nf.inbox.front());
    nf.inbox.pop_front();
  }
  checks_.hungry(start, core.nf, start - nf.hungry_since);
  nf.hungry_since = start;
  worker.waiting -= core.in_hand.size();
  ++totals_.dispatches;
  at(start + model_.dispatch_cycles + core.in_hand.size() * model_.nfs[core.nf].cost_cycles, Kind::dispatched, core_id);
  core.started = start;
}

void Simulation::dispatched(uint32_t core_id) {
  SimCore& core = cores_[core_id];
  const uint32_t worker_id = core.running, nf_id = core.nf;
  SimWorker& worker = workers_[worker_id];
  SimNf& nf = nfs_[nf_id];
  const uint64_t used = now_ - core.started;
  core.busy += used;
  nf.cycles += used;
  worker.cycles += used;
  worker.turn_used += used;
  worker.load.packets += core.in_hand.size();
  worker.load.cycles += used;
  core.order->charge(worker_id, used);
  nf.queued = !nf.inbox.empty();
  worker.order->done(nf_id, static_cast<uint32_t>(core.in_hand.size()), used, nf.queued);
  for (const uint32_t packet : core.in_hand) {
    ++nf.served;
    ++totals_.hops;
    if (model_.nfs[nf_id].hoards) {
      ++nf.hoarded;
      continue;
    }
    --worker.owned;
    hop_on(packet);
  }
  core.in_hand.clear();
  drain_backlogs();
  if (worker.order->empty()) {
    worker.state = SimWorker::State::asleep;
    ++worker.sleeps;
    core.order->sleep(worker_id);
  } else if (worker.moves_to != kNone) {
    worker.state = SimWorker::State::queued;
  } else if (core.order->turn_is_over(worker_id, worker.turn_used) && !core.order->empty()) {
    worker.state = SimWorker::State::queued;
    core.order->wait(worker_id);
  } else {
    return start_dispatch(core_id, 0);
  }
  core.running = kNone;
  if (worker.moves_to != kNone) move(worker_id, worker.moves_to);
  schedule(core_id);
}

void Simulation::hop_on(uint32_t id) {
  Packet& packet = packets_[id];
  const auto& path = model_.sources[packet.source].path;
  if (++packet.hop < path.size()) {
    const uint32_t following = path[packet.hop];
    SimNf& nf = nfs_[following];
    if (nf.backlog.empty() && may_go_on(following)) return deliver(id, following);
    if (nf.backlog.empty()) backlogged_.push_back(following);
    return nf.backlog.push_back(id);
  }
  --in_pool_use_;
  unused_packets_.push_back(id);
  if (policies_.loses_packets && ++lost_ % kLoseEvery == 0) return;
  ++totals_.served;
}

void Simulation::drain_backlogs() {
  for (size_t i = 0; i < backlogged_.size();) {
    const uint32_t nf_id = backlogged_[i];
    auto& backlog = nfs_[nf_id].backlog;
    while (!backlog.empty() && may_go_on(nf_id)) {
      const uint32_t packet = backlog.front();
      backlog.pop_front();
      deliver(packet, nf_id);
    }
    if (!backlog.empty()) {
      ++i;
      continue;
    }
    backlogged_[i] = backlogged_.back();
    backlogged_.pop_back();
  }
}

// Looks at everything, as nothing in Roost itself does.
void Simulation::inspect() {
  uint64_t waiting = 0;
  for (uint32_t id = 0; id < nfs_.size(); ++id) {
    const SimNf& nf = nfs_[id];
    waiting += nf.inbox.size() + nf.backlog.size() + nf.hoarded;
    if (nf.inbox.empty()) continue;
    const Packet& first = packets_[nf.inbox.front()];
    checks_.waited(now_, id, now_ - first.at_hop, first.bound);
    checks_.hungry(now_, id, now_ - std::min(now_, nf.hungry_since));
  }
  for (const SimCore& core : cores_) waiting += core.in_hand.size();
  totals_.waiting = waiting;
  checks_.books(now_, totals_, waiting);
}

}  // namespace roost::simulator

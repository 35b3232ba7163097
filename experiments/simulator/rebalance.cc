// SPDX-License-Identifier: BSD-3-Clause
// Workers that move to other cores, by the policy that Roost runs with and the loads that it would measure.
#include <algorithm>
#include <vector>

#include "experiments/simulator/simulation.h"

namespace roost::simulator {
namespace {

constexpr double kNewPart = 0.25;  // of a period's load in the demand

}  // namespace

void Simulation::rebalance() {
  ++periods_;
  std::vector<PlacedCore> cores(cores_.size());
  for (uint32_t i = 0; i < cores.size(); ++i) cores[i].node = i / model_.cores_per_node % kPlacementNodes;
  std::vector<PlacedWorker> movable;
  for (uint32_t id = 0; id < workers_.size(); ++id) {
    SimWorker& worker = workers_[id];
    update_load(worker.load, model_.rebalance_cycles);
    worker.demand += (worker.load.load - worker.demand) * kNewPart;
    const bool stays = worker.moves_to == kNone;
    const uint32_t core = stays ? worker.core : worker.moves_to;
    cores[core].load += worker.demand;
    ++cores[core].workers;
    if (stays) movable.push_back({id, core, worker.demand, worker.moved});
  }
  std::vector<PlacementMove> moves(workers_.size());
  const size_t count = policies_.place(model_, cores, movable, periods_, moves);
  for (size_t i = 0; i < count; ++i) {
    SimWorker& worker = workers_[moves[i].worker];
    checks_.moved(now_, moves[i].worker, periods_);
    worker.moved = periods_;
    if (worker.state == SimWorker::State::running)
      worker.moves_to = moves[i].to;
    else
      move(moves[i].worker, moves[i].to);
  }
}

std::pair<double, double> Simulation::load_ends() const {
  std::vector<double> loads(cores_.size());
  for (const SimWorker& worker : workers_) loads[worker.core] += worker.demand;
  const auto [least, most] = std::minmax_element(loads.begin(), loads.end());
  return {*least, *most};
}

// Between two dispatches. With packets, it is woken on the other core.
void Simulation::move(uint32_t id, uint32_t to) {
  SimWorker& worker = workers_[id];
  cores_[worker.core].order->leave(id);
  worker.core = to;
  worker.moves_to = kNone;
  ++totals_.moves;
  if (worker.state != SimWorker::State::queued) return;
  worker.state = SimWorker::State::waking;
  at(now_ + model_.wake_latency_cycles, Kind::awake, id);
}

}  // namespace roost::simulator

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/placement.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace roost {
namespace {

constexpr double kLoadStep = 1.0 / 16;  // of a core: for a new worker, loads are alike within this

// By how much less the busier of the two cores has to do once a worker of this demand has moved; 0: it may not.
double gain_of(double from, double to, double demand, double margin) noexcept {
  const double ahead = from - to, behind_then = 2 * demand - ahead;
  if (ahead <= margin || demand < kDemandLeast) return 0;
  if (behind_then > 0 && (behind_then > margin / 2 || ahead - demand < margin)) return 0;
  return std::min(demand, ahead - demand);
}

// Of the usable cores (of a node): the least and the most loaded.
struct Ends {
  uint32_t least = kNoCore, most = kNoCore;

  void count(std::span<const PlacedCore> cores, uint32_t core) noexcept {
    if (least == kNoCore || cores[core].load < cores[least].load) least = core;
    if (most == kNoCore || cores[core].load > cores[most].load) most = core;
  }
  bool apart(std::span<const PlacedCore> cores, double margin) const noexcept {
    return least != kNoCore && cores[most].load - cores[least].load > margin;
  }
};

uint32_t emptiest(std::span<const PlacedCore> cores, uint32_t node) noexcept {
  uint32_t best = kNoCore;
  double best_load = 0;
  for (uint32_t i = 0; i < cores.size(); ++i) {
    if (!cores[i].usable || (node != kPlacementNodes && cores[i].node != node)) continue;
    const double load = std::floor(cores[i].load / kLoadStep);
    if (best != kNoCore && (load > best_load || (load == best_load && cores[i].workers >= cores[best].workers)))
      continue;
    best = i;
    best_load = load;
  }
  return best;
}

}  // namespace

size_t LevelOut::decide(std::span<PlacedCore> cores, std::span<PlacedWorker> workers, uint64_t period,
                        std::span<PlacementMove> moves) const noexcept {
  const size_t most = std::min<size_t>(moves.size(), options_.moves_max);
  size_t count = 0;
  for (; count < most; ++count) {
    const Best best = best_move(cores, workers, period);
    if (best.worker == nullptr) break;
    PlacedCore &from = cores[best.worker->core], &to = cores[best.to];
    from.load -= best.worker->demand;
    to.load += best.worker->demand;
    --from.workers;
    ++to.workers;
    best.worker->core = best.to;
    best.worker->moved = period;
    moves[count] = {best.worker->id, best.to};
  }
  return count;
}

// Of equal gains the smallest worker's: it costs least. To another node only where none has anything to gain on its
// own.
LevelOut::Best LevelOut::best_move(std::span<const PlacedCore> cores, std::span<PlacedWorker> workers,
                                   uint64_t period) const noexcept {
  std::array<Ends, kPlacementNodes> nodes{};
  Ends all;
  for (uint32_t i = 0; i < cores.size(); ++i) {
    if (!cores[i].usable) continue;
    nodes[cores[i].node].count(cores, i);
    all.count(cores, i);
  }
  const double far_margin = 2 * options_.margin;
  const auto apart = [&](const Ends& node) { return node.apart(cores, options_.margin); };
  if (!std::any_of(nodes.begin(), nodes.end(), apart) && !all.apart(cores, far_margin)) return {};
  Best near, far;
  const auto better = [](const Best& best, double gain, const PlacedWorker& worker) {
    return gain > best.gain || (gain != 0 && gain == best.gain && worker.demand < best.worker->demand);
  };
  for (PlacedWorker& worker : workers) {
    if (worker.moved != 0 && period - worker.moved < options_.stay_periods) continue;
    const PlacedCore& here = cores[worker.core];
    if (!here.usable) continue;  // the caller's to move, at once
    const uint32_t neighbour = nodes[here.node].least;
    const double gain = gain_of(here.load, cores[neighbour].load, worker.demand, options_.margin);
    if (better(near, gain, worker)) near = {&worker, neighbour, gain};
    if (cores[all.least].node == here.node) continue;
    const double far_gain = gain_of(here.load, cores[all.least].load, worker.demand, far_margin);
    if (better(far, far_gain, worker)) far = {&worker, all.least, far_gain};
  }
  return near.worker != nullptr ? near : far;
}

uint32_t core_for_new(std::span<const PlacedCore> cores) noexcept { return emptiest(cores, kPlacementNodes); }

uint32_t core_instead(std::span<const PlacedCore> cores, uint32_t vanished) noexcept {
  const uint32_t near = emptiest(cores, cores[vanished].node);
  return near != kNoCore ? near : emptiest(cores, kPlacementNodes);
}

}  // namespace roost

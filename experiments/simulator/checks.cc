// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace roost::simulator {
namespace {

constexpr uint64_t kShownOfEach = 3;

}  // namespace

// The longest that a worker's NF can wait while its worker wants to run: all the turns that its worker needs to
// dispatch each of its NFs once, and in each of these rounds a turn of everybody else on the core, or as many as their
// weight entitles them to. A turn is as long as may be used, and the dispatch that was under way then.
Checks::Checks(const Model& model, const Promise& promise)
    : model_(model), promise_(promise), round_cycles_(model.workers.size()), moved_(model.workers.size()) {
  std::vector<uint64_t> own(model.workers.size()), longest(model.workers.size());
  std::vector<std::map<uint32_t, uint64_t>> turns(model.cores);  // by weight
  for (const NfModel& nf : model.nfs) {
    own[nf.worker] += promise.round_cycles(model, nf);
    longest[nf.worker] =
        std::max(longest[nf.worker], model.dispatch_cycles + uint64_t{model.burst_packets} * nf.cost_cycles);
  }
  uint64_t fullest = 0;  // workers that move are of equal weight
  for (size_t w = 0; w < model.workers.size(); ++w)
    turns[model.workers[w].core][model.workers[w].weight] += model.switch_cycles + model.turn_cycles + longest[w];
  for (size_t w = 0; w < model.workers.size(); ++w) {
    const auto on_core = [&](uint32_t core) {
      uint64_t everybody = 0;
      for (const auto& [weight, cycles] : turns[core])
        everybody += cycles * std::max<uint64_t>(1, (weight + model.workers[w].weight - 1) / model.workers[w].weight);
      return everybody;
    };
    uint64_t everybody = on_core(model.workers[w].core);
    // Where workers move, no core gets fuller than the fullest was at the start; and who moves waits once more.
    if (model.rebalance_cycles != 0) {
      if (fullest == 0)
        for (uint32_t core = 0; core < model.cores; ++core) fullest = std::max(fullest, on_core(core));
      everybody = 2 * (fullest + model.wake_latency_cycles);
    }
    round_cycles_[w] = (own[w] / model.turn_cycles + 2) * everybody;
  }
}

void Checks::violated(uint64_t now, const char* property, std::string what) {
  ++count_;
  auto it = std::find_if(counts_.begin(), counts_.end(), [&](const Count& each) { return each.property == property; });
  if (it == counts_.end()) it = counts_.insert(counts_.end(), {property, 0});
  if (it->count++ < kShownOfEach) first_.push_back({now, property, std::move(what)});
}

uint64_t Checks::violations(const std::string& property) const {
  for (const Count& each : counts_)
    if (each.property == property) return each.count;
  return 0;
}

void Checks::waited(uint64_t now, uint32_t nf, uint64_t cycles, uint64_t bound_cycles) {
  if (cycles <= bound_cycles) return;
  violated(now, "bounded wait",
           fmt::format("a packet has waited {} cycles for NF {}, and {} are the bound", cycles, nf, bound_cycles));
}

void Checks::hungry(uint64_t now, uint32_t nf, uint64_t cycles) {
  if (cycles <= bound(nf, 0)) return;
  violated(now, "no starvation",
           fmt::format("NF {} has packets and was not dispatched for {} cycles, {} are the bound", nf, cycles,
                       bound(nf, 0)));
}

void Checks::books(uint64_t now, const Totals& totals, uint64_t waiting) {
  if (totals.arrived == totals.served + totals.refused() + waiting) return;
  violated(now, "conservation",
           fmt::format("{} arrived, but {} served + {} refused + {} waiting = {}", totals.arrived, totals.served,
                       totals.refused(), waiting, totals.served + totals.refused() + waiting));
}

void Checks::refused(uint64_t now, uint32_t source) {
  if (!model_.sources[source].within_its_share) return;
  violated(now, "isolation", fmt::format("a packet of source {}, which is within its share, is refused", source));
}

void Checks::moved(uint64_t now, uint32_t worker, uint64_t period) {
  if (std::exchange(period_, period) != period) moves_ = 0;
  if (++moves_ > model_.placement.moves_max)
    violated(now, "bounded moves",
             fmt::format("move {} of a period, {} are the bound", moves_, model_.placement.moves_max));
  const uint64_t last = std::exchange(moved_[worker], period);
  if (last == 0 || period - last >= model_.placement.stay_periods) return;
  violated(now, "bounded moves",
           fmt::format("worker {} moves again after {} periods, {} are the bound", worker, period - last,
                       model_.placement.stay_periods));
}

}  // namespace roost::simulator

// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/scenarios.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "experiments/simulator/chance.h"

namespace roost::simulator {
namespace {

constexpr std::array<uint32_t, 4> kCosts{50, 250, 1'000, 5'000};

// NFs of four costs, in turn, workers dealt out to the cores; no sources yet.
Model population(const Size& size) {
  Model model;
  model.cores = size.cores;
  model.seed = size.seed;
  model.end_cycles = size.end_cycles;
  const uint32_t workers = (size.nfs + size.nfs_per_worker - 1) / size.nfs_per_worker;
  for (uint32_t i = 0; i < workers; ++i) model.workers.push_back({i % size.cores});
  for (uint32_t i = 0; i < size.nfs; ++i)
    model.nfs.push_back({.worker = i / size.nfs_per_worker, .cost_cycles = kCosts[i % kCosts.size()]});
  return model;
}

// A source for each NF from `first` on, each with the same part of its core's time.
void feed(Model& model, uint32_t load_percent, uint32_t first = 0) {
  const uint64_t per_core = (model.nfs.size() - first + model.cores - 1) / model.cores;
  for (uint32_t nf = first; nf < model.nfs.size(); ++nf) {
    const uint64_t gap = model.nfs[nf].cost_cycles * per_core * 100 / load_percent;
    model.sources.push_back({.path = {nf}, .gap_cycles = std::max<uint64_t>(gap, 2), .burst_max = 1 + nf % 32});
  }
}

Model mixed(const Size& size) {
  Model model = population(size);
  feed(model, size.load_percent);
  return model;
}

Model thresholds(const Size& size) {
  Model model = mixed(size);
  model.wake = {16, 400'000};
  return model;
}

Model overload(const Size& size) {
  Model model = population(size);
  feed(model, 200);
  return model;
}

// One worker of each core has more to do than the core could; the others little.
Model hogs(const Size& size) {
  Model model = population(size);
  feed(model, 10);
  for (uint32_t core = 0; core < model.cores && core < model.workers.size(); ++core) {
    const uint32_t nf = core * size.nfs_per_worker;
    model.nfs[nf].inbox_slots = 1'024;
    model.sources[nf].gap_cycles = std::max(2U, model.nfs[nf].cost_cycles / 3);
  }
  return model;
}

// An NF that gives nothing back; everybody else has a tenth of what there is, in small bursts, and is entitled to it.
Model hoarder(const Size& size) {
  Model model = population(size);
  feed(model, 10);
  model.nfs[0] = {
      .worker = static_cast<uint32_t>(model.workers.size()), .cost_cycles = 50, .inbox_slots = 1'024, .hoards = true};
  model.workers.push_back({0});
  model.pool_packets = 8'192;
  for (uint32_t i = 0; i < model.sources.size(); ++i) {
    model.sources[i].burst_max = 4;
    model.sources[i].within_its_share = i != 0;
  }
  model.sources[0].gap_cycles = std::max<uint64_t>(2, size.end_cycles / (4 * model.pool_packets));
  return model;
}

// Chains of eight, each hop in another worker, and the last one ten times as slow; twice as much as that can do.
Model chains(const Size& size) {
  constexpr uint32_t kHops = 8;
  Model model = population(size);
  const uint32_t count = std::max(1U, size.nfs / kHops);
  for (NfModel& nf : model.nfs) nf.cost_cycles = 250;
  for (uint32_t chain = 0; chain < count; ++chain) {
    SourceModel source;
    for (uint32_t hop = 0; hop < kHops; ++hop) source.path.push_back((chain + hop * count) % size.nfs);
    model.nfs[source.path.back()].cost_cycles = 2'500;
    source.gap_cycles = std::max<uint64_t>(2, uint64_t{7 * 250 + 2'500} * count / size.cores / 2);
    source.burst_max = 16;
    model.sources.push_back(source);
  }
  return model;
}

// All workers on a quarter of the cores, which have four times the others' load. A quarter of the sources ends in the
// middle, and another one begins.
Model skewed(const Size& size) {
  Model model = population(size);
  for (NfModel& nf : model.nfs) nf.cost_cycles = 5'000;
  feed(model, size.load_percent);
  const uint32_t crowded = (size.cores + 3) / 4;
  for (uint32_t i = 0; i < model.workers.size(); ++i) model.workers[i].core = i % crowded * size.cores / crowded;
  for (uint32_t i = 0; i < model.sources.size(); ++i) {
    const uint32_t part = i / size.nfs_per_worker / crowded % 4;  // all NFs of a worker are of one
    if (part == 0) model.sources[i].until_cycles = size.end_cycles / 2;
    if (part == 1) model.sources[i].from_cycles = size.end_cycles / 2;
    model.sources[i].burst_max = 4;
  }
  model.rebalance_cycles = 1'000'000;
  model.placement.moves_max = std::max(8U, size.cores / 8);
  return model;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"mixed", "NFs of 50 to 5,000 cycles a packet, each with the same load", mixed},
      {"thresholds", "the same, woken for 16 packets or after a deadline", thresholds},
      {"overload", "the same, with twice the load that there is room for", overload},
      {"hogs", "a worker of each core has three times what the core can do, the others little", hogs},
      {"hoarder", "an NF that keeps every packet, among others that stay within their share", hoarder},
      {"chains", "chains of eight NFs with a slow last one, and twice as much as it can do", chains},
      {"skewed", "all workers start on a quarter of the cores, and move", skewed}};
  return all;
}

Model make_model(const std::string& name, const Size& size) {
  if (size.nfs == 0 || size.nfs_per_worker == 0 || size.cores == 0 || size.load_percent == 0)
    fail("simulation: NFs, NFs of a worker, cores and load must not be 0");
  for (const Scenario& each : scenarios())
    if (each.name == name) return each.model(size);
  std::string names;
  for (const Scenario& each : scenarios()) names += (names.empty() ? "" : ", ") + each.name;
  fail("no scenario is called '{}'; there are {}", name, names);
}

}  // namespace roost::simulator

// SPDX-License-Identifier: BSD-3-Clause
// What is simulated: cores, workers on them, NFs in workers, sources of packets. Times are integers, in cycles of a
// virtual clock; chance comes from a seed. The same model and seed give the same run, to the cycle, anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "scheduler/policy/placement.h"
#include "scheduler/policy/wake.h"

namespace roost::simulator {

inline constexpr uint32_t kNone = UINT32_MAX;

struct NfModel {
  uint32_t worker = 0;
  uint32_t cost_cycles = 250;  // a packet
  uint32_t inbox_slots = 64;
  uint32_t weight = 100;
  bool hoards = false;  // keeps every packet for ever
};

struct WorkerModel {
  uint32_t core = 0;  // where it starts
  uint32_t weight = 100;
  uint32_t tenant = 0;
};

// Packets for a chain of NFs; a burst of 1 to `burst_max` at a time, gaps drawn so that the mean rate is kept.
struct SourceModel {
  std::vector<uint32_t> path;
  uint64_t gap_cycles = 0;  // between packets, on average
  uint32_t burst_max = 1;
  bool within_its_share = false;  // not one of its packets may be refused
  uint64_t from_cycles = 0, until_cycles = UINT64_MAX;
};

struct Model {
  std::vector<NfModel> nfs;
  std::vector<WorkerModel> workers;
  std::vector<SourceModel> sources;
  uint32_t cores = 1;

  uint32_t pool_packets = 32'768;
  uint32_t burst_packets = 32;
  uint64_t dispatch_cycles = 60;          // of the worker itself, for each dispatch
  uint64_t switch_cycles = 3'000;         // from one worker of a core to the next
  uint64_t wake_latency_cycles = 40'000;  // from the decision to wake until the worker can run
  uint64_t turn_cycles = 200'000;         // what a worker may use of a shared core at a time
  uint64_t quantum_cycles = 50'000;       // deficit round robin: of an NF of weight 100, a round
  WakeThreshold wake{1, 100'000};
  uint64_t rebalance_cycles = 0;  // between two looks at who should move to another core; 0: nobody does
  uint32_t cores_per_node = 64;
  PlacementOptions placement{};

  uint64_t end_cycles = 20'000'000;
  uint64_t check_cycles = 1'000'000;  // between two inspections
  uint64_t seed = 1;
};

// What a run schedule promises, for the checks to hold it to.
struct Promise {
  // In how many of its worker's rounds the packet behind so many others is served.
  std::function<uint64_t(const Model&, const NfModel&, uint64_t before)> rounds =
      [](const Model& model, const NfModel&, uint64_t before) { return before / model.burst_packets + 1; };
  // What an NF uses of one round at most.
  std::function<uint64_t(const Model&, const NfModel&)> round_cycles = [](const Model& model, const NfModel& nf) {
    return model.dispatch_cycles + uint64_t{model.burst_packets} * nf.cost_cycles;
  };
};

}  // namespace roost::simulator

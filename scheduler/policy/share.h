// SPDX-License-Identifier: BSD-3-Clause
// What a worker is entitled to of its shared core. The share policies are orders of the core's queue (core_queue.h) and
// the weight that each worker has there: its NFs' weights alone, or times its load.
//
// The load is arrival rate x cost, as in NFVnice (Kulkarni et al., "NFVnice: Dynamic Backpressure and Scheduling for
// NFV Service Chains", ACM SIGCOMM 2017): where the core is short of time, everybody then falls short by the same part,
// and cheap and dear NFs with equal arrivals finish equally many packets.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scheduler/policy/core_queue.h"

namespace roost {

enum class SharePolicy : uint8_t { first_come, weight, rate_cost, priority };

constexpr CoreOrder order_of(SharePolicy policy) noexcept {
  switch (policy) {
    case SharePolicy::first_come:
      return CoreOrder::first_come;
    case SharePolicy::priority:
      return CoreOrder::priority;
    default:
      return CoreOrder::least_used;
  }
}

// What is known of a worker that was active.
struct WorkerLoad {
  uint64_t arrivals = 0;   // packets meant for it in the last period, those that were refused at its inbox included
  uint64_t packets = 0;    // that it took in the last period
  uint64_t cycles = 0;     // and what it used for them
  double cost_cycles = 0;  // a packet, smoothed; 0: not known yet
  double load = 0;         // cores that it could fill, smoothed
};

inline constexpr double kLoadMost = 16;      // cores: more than that is not believed
inline constexpr double kLoadLeast = 0.001;  // who wants next to nothing still gets a turn soon

// Once a period, for those that were active in it.
constexpr void update_load(WorkerLoad& worker, uint64_t period_cycles) noexcept {
  if (worker.packets != 0) {
    const double cost = static_cast<double>(worker.cycles) / static_cast<double>(worker.packets);
    worker.cost_cycles = worker.cost_cycles == 0 ? cost : (worker.cost_cycles * 3 + cost) / 4;
  }
  const double load = static_cast<double>(worker.arrivals) * worker.cost_cycles / static_cast<double>(period_cycles);
  worker.load = std::min((worker.load + load) / 2, kLoadMost);
  worker.arrivals = worker.packets = worker.cycles = 0;
}

// The weight of a worker in its core's queue: `weight` is that of its NFs together.
constexpr uint32_t queue_weight(SharePolicy policy, uint32_t weight, const WorkerLoad& worker) noexcept {
  weight = std::clamp(weight, 1U, 1U << 20);
  if (policy != SharePolicy::rate_cost) return weight;
  const double load = worker.cost_cycles == 0 ? 1 : worker.load;
  const double entitled = weight * std::max(load, kLoadLeast) * 1'000;
  return static_cast<uint32_t>(std::clamp(entitled, 1.0, double{1U << 31}));
}

}  // namespace roost

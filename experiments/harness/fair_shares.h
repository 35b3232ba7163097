// SPDX-License-Identifier: BSD-3-Clause
// NFs of very different cost on one core that is offered twice what it can do, and what each gets of what it is
// entitled to. Work is judged from outside: packets completed, times a cost that was calibrated apart with NFs of one
// kind. Who is entitled to what of all the work that got done:
//   rate-cost shares   in proportion to arrival rate x cost: every NF completes the same part of its packets
//   even shares        equal parts, but nobody more than it has packets for (max-min)
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "experiments/harness/rig.h"

namespace roost::experiment {

inline constexpr std::array<uint32_t, 4> kFairCosts{50, 250, 1'000, 5'000};  // cycles a packet
using FairValues = std::array<double, kFairCosts.size()>;                    // by NF

enum class Entitled { rate_cost, even };

// Cycles a packet of an NF among others of its kind, which use the core as much as those that it is measured beside:
// alone, it would find all that it needs still in the core's caches.
FairValues calibrate_costs(Tier tier, const std::vector<std::string>& settings);

struct FairWindow {
  double jain = 0, least_share = 0;  // of achieved / entitled
  FairValues completed{};            // of what was offered
};

// So many windows in one life, each handed over when it ends. Returns the books.
Json measure_fairness(Tier tier, Entitled entitled, const std::vector<std::string>& settings, const FairValues& costs,
                      double window_s, int windows, const std::function<void(const FairWindow&)>& each);

}  // namespace roost::experiment

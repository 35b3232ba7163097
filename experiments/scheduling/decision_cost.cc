// SPDX-License-Identifier: BSD-3-Clause
// Question: 64 NFs get packets. What does a packet cost when there are no others, and when there are 100,000?
#include <fmt/format.h>

#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kActive = 64;

std::unique_ptr<Rig> make(uint32_t nfs, const std::vector<std::string>& settings) {
  RigOptions options;
  options.lanes = {{1, 1'000, 0}, {1, 1, 1}};  // one packet a second for all that rest
  auto rig = std::make_unique<Rig>(options, settings);
  // In turn, so that those that get packets are spread among the others.
  constexpr uint32_t kGroups = 8;
  for (uint32_t group = 0; group < kGroups; ++group) {
    rig->spawn("touch", "s0", kActive / kGroups, Tier::fiber);
    rig->spawn("touch", "s1", std::max(1u, (nfs - kActive) / kGroups), Tier::fiber);
  }
  rig->rate_over(0.3);
  return rig;
}

}  // namespace

Json decision_cost(const SchedulingOptions& options) {
  Json rows = Json::array();
  const auto hz = static_cast<double>(measure_tsc_hz());
  for (const uint32_t nfs : {1'000u, 100'000u}) {
    PairSamples samples;
    for (int pair = 0; pair < options.lives * options.pairs; ++pair) {  // each slice in a fresh manager
      const double few = hz / make(kActive, options.settings)->rate_over(options.slice_s);
      samples.add(hz / make(nfs, options.settings)->rate_over(options.slice_s), few);
    }
    const Pairs pairs = samples.pairs();
    fmt::print(
        "64 NFs active of {:>6}: {:.3f} times the cycles a packet of 64 of 64 [{:.3f} to {:.3f}]; {:.0f} against "
        "{:.0f}\n",
        nfs, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median, pairs.baseline.median);
    std::fflush(stdout);
    rows.push_back(pairs.json());
    rows.back()["nfs"] = nfs;
  }
  return rows;
}

}  // namespace roost::experiment

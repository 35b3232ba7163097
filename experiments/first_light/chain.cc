// SPDX-License-Identifier: BSD-3-Clause
// Question: packets a second through a chain of 30 NFs on one core, against openNetVM's shape, with few and with many
// packets in flight?
#include <fmt/format.h>

#include "experiments/first_light/figures.h"
#include "experiments/harness/rig.h"
#include "experiments/harness/semaphore_sweep.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kHops = 30;

}  // namespace

Json chains(const FiguresOptions& options) {
  Json rows = Json::array();
  for (const Tier tier : {Tier::process, Tier::fiber}) {
    for (const uint32_t window : {1u, 128u, 4'096u}) {
      PairSamples samples;
      for (int life = 0; life < options.lives; ++life) {
        RigOptions rig_options;
        rig_options.lanes[0] = {kHops, 1, 0};
        rig_options.window = window;
        Rig rig(rig_options, options.settings);
        rig.manager().set("inbox_slots", 8'192);
        for (uint32_t i = 0; i < kHops; ++i) rig.spawn("touch", fmt::format("s{}", i), 1, tier);
        SemaphoreSweep baseline(rig.manager().pool(), {.nfs = kHops});
        rig.rate_over(options.slice_s);
        for (int pair = 0; pair < options.pairs; ++pair) {
          const double rate = rig.rate_over(2 * options.slice_s);
          samples.add(rate, baseline.rate_over(2 * options.slice_s, window));
        }
      }
      const Pairs pairs = samples.pairs();
      fmt::print(
          "{:>7} tier, {:>4} in flight: {:.2f} times openNetVM's shape [{:.2f} to {:.2f}]; {:.0f} against {:.0f} "
          "packets/s, {:.2f} us a hop\n",
          tier_name(tier), window, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median,
          pairs.baseline.median, 1e6 / pairs.thing.median / kHops);
      std::fflush(stdout);
      Json row = pairs.json();
      row["tier"] = tier_name(tier);
      row["in_flight"] = window;
      row["hops"] = kHops;
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace roost::experiment

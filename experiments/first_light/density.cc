// SPDX-License-Identifier: BSD-3-Clause
// Question: how much of a bare two-ring pipeline is left when one shared core holds N NFs and every packet goes to a
// random one of them?
#include <fmt/format.h>

#include "experiments/first_light/figures.h"
#include "experiments/harness/bare_pipeline.h"
#include "experiments/harness/rig.h"

namespace roost::experiment {

Json density(const FiguresOptions& options) {
  Json rows = Json::array();
  for (const uint32_t nfs : {1u, 10u, 100u, 1'000u, 10'000u, 100'000u}) {
    if (nfs < options.nfs_min) continue;
    if (options.nfs_max != 0 && nfs > options.nfs_max) break;
    // Flows enough that every NF gets some, the same on both sides.
    const uint32_t flows = std::max(1'000u, 2 * nfs);
    PairSamples samples;
    for (int life = 0; life < options.lives; ++life) {  // a process can be slow for its whole life: several of each
      RigOptions rig_options;
      rig_options.lanes[0].flows = flows;
      Rig rig(rig_options, options.settings);
      rig.spawn("touch", "s0", nfs, Tier::fiber);
      BarePipeline bare(rig.manager().pool(), Rig::generator(flows), rig_options.flow_rows, rig.manager().tsc_hz());
      rig.rate_over(0.3);  // flows and their paths are made
      for (int pair = 0; pair < options.pairs; ++pair) {
        const double rate = rig.rate_over(options.slice_s);
        samples.add(rate, bare.rate_over(options.slice_s));
      }
    }
    const Pairs pairs = samples.pairs();
    fmt::print("{:>7} NFs: {:.2f} of the bare pipeline [{:.2f} to {:.2f}]; {:.1f} of {:.1f} M packets/s\n", nfs,
               pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median / 1e6,
               pairs.baseline.median / 1e6);
    std::fflush(stdout);
    Json row = pairs.json();
    row["nfs"] = nfs;
    row["flows"] = flows;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace roost::experiment

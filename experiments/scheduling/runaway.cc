// SPDX-License-Identifier: BSD-3-Clause
// Question: one of a thousand NFs of a host never returns. What becomes of the others' latency, from twice overrun_us
// on?
#include <fmt/format.h>
#include <unistd.h>

#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {

Json runaway(const SchedulingOptions& options) {
  constexpr uint32_t kNfs = 999;
  constexpr uint64_t kRate = 100'000;
  PairSamples samples;
  const double us = 1e6 / static_cast<double>(measure_tsc_hz());
  for (int life = 0; life < options.lives; ++life) {
    RigOptions rig_options;
    rig_options.lanes = {{1, 10'000, kRate}, {1, 10, 1'000}};
    Rig rig(rig_options, options.settings);
    auto& loop = rig.manager().loop();
    rig.spawn("touch", "s0", kNfs, Tier::fiber);
    rig.spawn("touch", "s1", 1, Tier::fiber);  // the second lane's packets have somewhere to go
    rig.start();
    usleep(500'000);
    const auto p99_over = [&] {
      loop.call([&] { loop.clear_latency(); });
      usleep(static_cast<useconds_t>(4 * options.slice_s * 1e6));
      return static_cast<double>(loop.latency().quantile(0.99)) * us;
    };
    std::vector<double> before;
    for (int slice = 0; slice < options.pairs; ++slice) before.push_back(p99_over());
    rig.spawn("runaway", "s1", 1, Tier::fiber);
    usleep(static_cast<useconds_t>(2 * rig.manager().settings().get(Setting::overrun_us)));
    for (const double was : before) samples.add(p99_over(), was);
  }
  const Pairs pairs = samples.pairs();
  fmt::print(
      "a runaway among 1,000: p99 of the others {:.2f} times what it was [{:.2f} to {:.2f}]; {:.0f} after {:.0f} us\n",
      pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median, pairs.baseline.median);
  std::fflush(stdout);
  return pairs.json();
}

}  // namespace roost::experiment

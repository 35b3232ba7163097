// SPDX-License-Identifier: BSD-3-Clause
// Question: one of a thousand NFs of a host never returns. What becomes of the others' latency, from twice overrun_us
// on?
#include <fmt/format.h>
#include <poll.h>

#include "core/error.h"
#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

// This is the control thread: while it waits it does what the data loop asks for, overruns among that.
void wait(Manager& manager, double seconds) {
  const double until = seconds_now() + seconds;
  for (double left = seconds; left > 0; left = until - seconds_now()) {
    pollfd events{manager.event_descriptor(), POLLIN, 0};
    if (poll(&events, 1, static_cast<int>(left * 1e3) + 1) > 0) manager.on_events();
  }
}

}  // namespace

Json runaway(const SchedulingOptions& options) {
  constexpr uint32_t kNfs = 999;
  constexpr uint64_t kRate = 100'000;
  PairSamples samples;
  const double us = 1e6 / static_cast<double>(measure_tsc_hz());
  for (int life = 0; life < options.lives; ++life) {
    RigOptions rig_options;
    rig_options.lanes = {{1, 10'000, kRate}, {1, 10, 1'000}};
    Rig rig(rig_options, options.settings);
    Manager& manager = rig.manager();
    auto& loop = manager.loop();
    rig.spawn("touch", "s0", kNfs, Tier::fiber);
    rig.start();  // the second lane has no NF yet, and after the runaway's quarantine none again
    wait(manager, 0.5);
    const auto p99_over = [&] {
      loop.call([&] { loop.clear_latency(); });
      wait(manager, 4 * options.slice_s);
      return static_cast<double>(loop.latency().quantile(0.99)) * us;
    };
    std::vector<double> before;
    for (int slice = 0; slice < options.pairs; ++slice) before.push_back(p99_over());
    rig.spawn("runaway", "s1", 1, Tier::fiber);
    wait(manager, 2e-6 * static_cast<double>(manager.settings().get(Setting::overrun_us)));
    const Json state = manager.ps(kNfs - 1, 1)["nfs"][0]["state"];
    if (state != "quarantined") fail("the runaway is {}, not quarantined", state.get<std::string>());
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

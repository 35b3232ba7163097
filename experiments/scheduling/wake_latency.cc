// SPDX-License-Identifier: BSD-3-Clause
// Question: how long does a packet for a sleeping worker wait until its NF is called, against a bare futex ping-pong
// between the same cores after the same sleep? And for a fiber NF of a worker that is up?
#include <fmt/format.h>

#include "experiments/harness/futex_pair.h"
#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr double kPulses[] = {200, 1'000, 5'000};  // a second

std::unique_ptr<Rig> make(double pulses_per_s, std::vector<std::string> settings,
                          const std::vector<std::string>& asked) {
  RigOptions options;
  options.pulses_per_s = pulses_per_s;
  settings.insert(settings.end(), asked.begin(), asked.end());
  auto rig = std::make_unique<Rig>(options, settings);
  rig->spawn("lap", "s0", 1, Tier::fiber);
  rig->rate_over(0.2);
  return rig;
}

double call_cycles(Rig& rig, double seconds) {
  rig.pulse().to_call().clear();
  rig.rate_over(seconds);
  return static_cast<double>(rig.pulse().to_call().quantile(0.5));
}

}  // namespace

Json wake_latency(const SchedulingOptions& options) {
  Json rows = Json::array();
  const double us = 1e6 / static_cast<double>(measure_tsc_hz());
  for (const double pulses : kPulses) {
    PairSamples samples;
    for (int life = 0; life < options.lives; ++life) {
      FutexPair futex;
      // The loop polls all the time, as the waker of the pair does; the worker sleeps after each packet.
      const auto rig = make(pulses, {"idle_us=1000000"}, options.settings);
      for (int pair = 0; pair < options.pairs; ++pair) {
        const double called_us = call_cycles(*rig, options.slice_s) * us;
        samples.add(called_us, futex.wake_cycles(pulses, options.slice_s) * us);
      }
    }
    const Pairs pairs = samples.pairs();
    fmt::print(
        "sleeping worker, {:>5.0f} packets/s: called after {:.2f} times a bare wake-up [{:.2f} to {:.2f}]; p50 {:.1f} "
        "against {:.1f} us\n",
        pulses, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median, pairs.baseline.median);
    std::fflush(stdout);
    rows.push_back(pairs.json());
    rows.back()["row"] = "asleep";
    rows.back()["packets_per_s"] = pulses;
  }
  std::vector<double> awake;
  for (int life = 0; life < options.lives; ++life) {
    const auto rig = make(20'000, {"idle_us=1000000", "spin_us=100000"}, options.settings);
    for (int slice = 0; slice < options.pairs; ++slice) awake.push_back(call_cycles(*rig, options.slice_s) * us);
  }
  const Spread spread = spread_of(awake);
  fmt::print("worker that is up: a fiber NF is called after {:.2f} us p50 [{:.2f} to {:.2f}]\n", spread.median,
             spread.least, spread.most);
  rows.push_back({{"row", "awake"}, {"us", spread.json()}});
  return rows;
}

}  // namespace roost::experiment

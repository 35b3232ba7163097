// SPDX-License-Identifier: BSD-3-Clause
// Question: a chain of eight NFs ends in a slow one and is offered twice what that can do. How much work is spent on
// packets that are dropped later, and how much of the slow NF's own throughput is left?
#include <fmt/format.h>

#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kChainHops = 8, kSlowCycles = 5'000;

std::unique_ptr<Rig> make(uint32_t hops, uint64_t rate_pps, const std::vector<Tier>& tiers,
                          const std::vector<std::string>& settings) {
  RigOptions options;
  options.lanes[0] = {hops, 100, rate_pps};
  auto rig = std::make_unique<Rig>(options, settings);
  for (uint32_t i = 0; i < hops; ++i)
    rig->spawn("busy", fmt::format("s{}", i), 1, tiers[i % tiers.size()],
               {{"cycles", i + 1 == hops ? kSlowCycles : 0}});
  rig->rate_over(0.2);
  return rig;
}

Json measure(const char* name, const std::vector<Tier>& tiers, const SchedulingOptions& options) {
  std::vector<double> wasted;
  PairSamples rates;
  const std::vector<Tier> last{tiers[(kChainHops - 1) % tiers.size()]};
  const auto overload = static_cast<uint64_t>(2.0 * make(1, 0, last, options.settings)->rate_over(0.5));
  for (int pair = 0; pair < options.lives * options.pairs; ++pair) {  // each slice in a fresh manager
    double chain_rate = 0;
    {
      const auto chain = make(kChainHops, overload, tiers, options.settings);
      const Json before = chain->manager().ps(-1, kChainHops)["nfs"];
      const uint64_t sent = chain->manager().loop().counters().transmitted.get();
      chain_rate = chain->rate_over(options.slice_s);
      const Json after = chain->manager().ps(-1, kChainHops)["nfs"];
      const uint64_t out = chain->manager().loop().counters().transmitted.get() - sent;
      double work = 0, lost = 0;
      for (uint32_t i = 0; i < kChainHops; ++i) {
        const auto packets = after[i]["packets"].get<uint64_t>() - before[i]["packets"].get<uint64_t>();
        const double cycles = after[i]["cycles_per_packet"].get<double>();
        work += static_cast<double>(packets) * cycles;
        lost += static_cast<double>(packets - std::min(packets, out)) * cycles;
      }
      wasted.push_back(work == 0 ? 0 : lost / work);
    }
    rates.add(chain_rate, make(1, overload, last, options.settings)->rate_over(options.slice_s));
  }
  const Pairs pairs = rates.pairs();
  const Spread waste = spread_of(wasted), ratio = pairs.ratio;
  fmt::print(
      "{:<30} {:.3f} % of NF cycles wasted [{:.3f} to {:.3f}], {:.2f} of the slow NF alone [{:.2f} to {:.2f}], {:.0f} "
      "of "
      "{:.0f} packets/s\n",
      name, 100 * waste.median, 100 * waste.least, 100 * waste.most, ratio.median, ratio.least, ratio.most,
      pairs.thing.median, pairs.baseline.median);
  std::fflush(stdout);
  return {{"row", name}, {"wasted", waste.json()}, {"of_slowest_alone", ratio.json()}};
}

}  // namespace

Json wasted_work(const SchedulingOptions& options) {
  return {measure("eight NFs, fiber tier", {Tier::fiber}, options),
          measure("eight NFs, process tier", {Tier::process}, options),
          measure("eight NFs, tiers in turn", {Tier::fiber, Tier::process}, options)};
}

}  // namespace roost::experiment

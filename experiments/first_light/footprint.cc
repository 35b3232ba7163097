// SPDX-License-Identifier: BSD-3-Clause
// Question: what does an NF cost before it has done anything: memory, and the time until it runs?
#include <fmt/format.h>
#include <unistd.h>

#include "experiments/first_light/figures.h"
#include "experiments/harness/rig.h"

namespace roost::experiment {
namespace {

uint64_t all_bytes(Rig& rig) {
  const Json memory = rig.manager().stats(true)["memory"];
  return memory["manager_bytes"].get<uint64_t>() + memory["hosts_bytes"].get<uint64_t>() +
         memory["page_table_bytes"].get<uint64_t>();
}

Json spawned(uint32_t nfs, Tier tier, bool with_traffic) {
  RigOptions options;
  options.lanes[0].flows = 2 * nfs;
  Rig rig(options);
  const uint64_t before = all_bytes(rig);
  const double began = seconds_now();
  rig.spawn("touch", "s0", nfs, tier);
  const double took = seconds_now() - began;
  if (with_traffic) rig.rate_over(tier == Tier::fiber ? 1.0 : 3.0);
  const uint64_t after = all_bytes(rig);
  const Json stats = rig.manager().stats(false);
  fmt::print(
      "{:>7} NFs, {} tier: {:.0f} bytes an NF, {:.0f} MiB in all processes together; spawned in {:.1f} us each; "
      "{} of them have had packets\n",
      nfs, tier_name(tier), static_cast<double>(after - before) / nfs, static_cast<double>(after) / 1048576.0,
      took * 1e6 / nfs, stats["nfs_with_packets"].get<uint64_t>());
  std::fflush(stdout);
  return {{"nfs", nfs},
          {"tier", tier_name(tier)},
          {"bytes_per_nf", static_cast<double>(after - before) / nfs},
          {"bytes_all_processes", after},
          {"spawn_us_per_nf", took * 1e6 / nfs},
          {"nfs_with_packets", stats["nfs_with_packets"]}};
}

// From the request to the first packet out.
Json first_packet() {
  std::vector<double> times_ms;
  for (int i = 0; i < 15; ++i) {
    RigOptions options;
    options.window = 1;
    Rig rig(options);
    rig.spawn("touch", "s0", 1, Tier::process);  // the first host also brings the module in
    rig.rate_over(0.01);
    rig.manager().stop_all();
    const auto& transmitted = rig.manager().loop().counters().transmitted;
    const uint64_t before = transmitted.get();
    const double began = seconds_now();
    rig.spawn("touch", "s0", 1, Tier::process);
    rig.manager().pause_receiving(false);  // not before: a packet that finds no NF is dropped, and the window with it
    while (transmitted.get() == before) usleep(50);
    times_ms.push_back((seconds_now() - began) * 1e3);
  }
  const Spread spread = spread_of(times_ms);
  fmt::print("process tier: first packet served {:.1f} ms after the request [{:.1f} to {:.1f}]\n", spread.median,
             spread.least, spread.most);
  return {{"median", spread.median}, {"least", spread.least}, {"most", spread.most}};
}

}  // namespace

Json footprint(const FiguresOptions&) {
  return {{"rows", {spawned(100'000, Tier::fiber, true), spawned(1'000, Tier::process, true)}},
          {"first_packet_ms", first_packet()}};
}

}  // namespace roost::experiment

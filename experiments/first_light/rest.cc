// SPDX-License-Identifier: BSD-3-Clause
// Question: what do ten thousand NFs cost while nothing comes?
#include <fmt/format.h>
#include <unistd.h>

#include "experiments/first_light/figures.h"
#include "experiments/harness/rig.h"

namespace roost::experiment {
namespace {

double cpu_of_all(Rig& rig) {
  double sum = cpu_seconds_of(getpid());
  for (const pid_t pid : rig.host_pids()) sum += cpu_seconds_of(pid);
  return sum;
}

Json at_rest(uint32_t nfs, Tier tier) {
  constexpr double kSeconds = 5;
  Rig rig(RigOptions{});
  rig.spawn("touch", "s0", nfs, tier);
  rig.rate_over(0.2);
  rig.manager().pause_receiving(false);  // the generator's port is replaced by silence: nothing is due
  rig.manager().pause_receiving(true);
  usleep(500'000);
  const double before = cpu_of_all(rig), began = seconds_now();
  const uint64_t wakes = rig.manager().loop().counters().kernel_wakes.get();
  usleep(static_cast<useconds_t>(kSeconds * 1e6));
  const double share = (cpu_of_all(rig) - before) / (seconds_now() - began);
  const double wakes_per_s = static_cast<double>(rig.manager().loop().counters().kernel_wakes.get() - wakes) / kSeconds;
  fmt::print("{:>7} NFs at rest, {} tier: {:.2f} % of one core, {:.0f} kernel wakes/s\n", nfs, tier_name(tier),
             share * 100, wakes_per_s);
  std::fflush(stdout);
  return {{"nfs", nfs}, {"tier", tier_name(tier)}, {"core_share", share}, {"kernel_wakes_per_s", wakes_per_s}};
}

}  // namespace

Json rest(const FiguresOptions&) { return {at_rest(10'000, Tier::fiber), at_rest(500, Tier::process)}; }

}  // namespace roost::experiment

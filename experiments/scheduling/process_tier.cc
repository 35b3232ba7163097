// SPDX-License-Identifier: BSD-3-Clause
// Question: what do many process NFs on one core cost, and bear, against openNetVM's shape: at a tenth of the load, at
// saturation, and with a single packet in flight through a chain?
#include <fmt/format.h>

#include "experiments/harness/rig.h"
#include "experiments/harness/semaphore_sweep.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kNfs = 100, kHops = 8, kSaturating = 4'096;
constexpr uint32_t kFlows = 100 * kNfs;  // hashing gives each NF its part, within a tenth or so
constexpr double kLowLoad = 0.1;
constexpr double kMapping_s = 2;  // until each process has mapped the packets that go round, page by page

constexpr SemaphoreSweep::Options kBesideEachOther{.nfs = kNfs, .chain = false, .flows = kFlows};

double cpu_of(const std::vector<pid_t>& pids) {
  double sum = 0;
  for (const pid_t pid : pids) sum += cpu_seconds_of(pid);
  return sum;
}

Json tell(const char* what, const Pairs& pairs, const char* unit, double scale) {
  fmt::print("{}: {:.2f} times [{:.2f} to {:.2f}]; {:.3g} against {:.3g} {}\n", what, pairs.ratio.median,
             pairs.ratio.least, pairs.ratio.most, pairs.thing.median * scale, pairs.baseline.median * scale, unit);
  std::fflush(stdout);
  Json row = pairs.json();
  row["row"] = what;
  return row;
}

struct LowLoad {
  PairSamples cpu_nfs, cpu_both, delivered;

  void measure(const SchedulingOptions& options, std::vector<std::string> settings, double pps) {
    RigOptions slow;
    slow.lanes[0].flows = kFlows;
    slow.lanes[0].rate_pps = static_cast<uint64_t>(pps);
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    Rig rig(slow, settings);
    rig.spawn("touch", "s0", kNfs, Tier::process);
    SemaphoreSweep sweep(rig.manager().pool(), kBesideEachOther);
    rig.rate_over(kMapping_s);
    sweep.rate_over(kMapping_s, kSaturating);
    const std::vector<pid_t> hosts = rig.host_pids();
    const std::vector<pid_t> self{getpid()};
    for (int pair = 0; pair < options.pairs; ++pair) {
      const double hosts_before = cpu_of(hosts), self_before = cpu_of(self);
      const double thing_rate = rig.rate_over(options.slice_s);
      const double hosts_used = cpu_of(hosts) - hosts_before, self_used = cpu_of(self) - self_before;
      const double sweep_before = cpu_of(sweep.pids()), sweeper_before = cpu_of(self);
      const double sweep_rate = sweep.rate_over(options.slice_s, kSaturating, 0.02, pps);
      const double sweep_used = cpu_of(sweep.pids()) - sweep_before, sweeper_used = cpu_of(self) - sweeper_before;
      // For each packet, so that a slice in which less was offered does not look cheap.
      const double thing_packets = thing_rate * options.slice_s, sweep_packets = sweep_rate * options.slice_s;
      cpu_nfs.add(hosts_used / thing_packets, sweep_used / sweep_packets);
      cpu_both.add((hosts_used + self_used) / thing_packets, (sweep_used + sweeper_used) / sweep_packets);
      delivered.add(thing_rate, pps);
    }
  }
};

}  // namespace

Json process_tier(const SchedulingOptions& options) {
  PairSamples saturated, baton;
  LowLoad low, low_gathered;
  for (int life = 0; life < options.lives; ++life) {
    RigOptions fast, chain;
    fast.lanes[0].flows = kFlows;
    fast.window = kSaturating;
    double low_pps = 0;
    {
      Rig rig(fast, options.settings);
      rig.spawn("touch", "s0", kNfs, Tier::process);
      SemaphoreSweep sweep(rig.manager().pool(), kBesideEachOther);
      rig.rate_over(kMapping_s);
      sweep.rate_over(kMapping_s, kSaturating);
      for (int pair = 0; pair < options.pairs; ++pair) {
        const double rate = rig.rate_over(options.slice_s);
        const double sweep_rate = sweep.rate_over(options.slice_s, kSaturating);
        saturated.add(rate, sweep_rate);
        low_pps += kLowLoad * sweep_rate / options.pairs;
      }
    }
    low.measure(options, {}, low_pps);
    low_gathered.measure(options, {"wake_packets=64", "wake_deadline_us=2000"}, low_pps);
    chain.lanes[0] = {kHops, 1, 0};
    chain.window = 1;
    Rig rig(chain, options.settings);
    for (uint32_t i = 0; i < kHops; ++i) rig.spawn("touch", fmt::format("s{}", i), 1, Tier::process);
    SemaphoreSweep hops(rig.manager().pool(), {.nfs = kHops});
    rig.rate_over(options.slice_s);
    for (int pair = 0; pair < options.pairs; ++pair) {
      const double rate = rig.rate_over(options.slice_s);
      baton.add(rate, hops.rate_over(options.slice_s, 1));
    }
  }
  return {tell("100 process NFs, saturated, throughput", saturated.pairs(), "k packets/s", 1e-3),
          tell("100 process NFs, 10 % load, CPU of the NFs' core", low.cpu_nfs.pairs(), "us a packet", 1e6),
          tell("100 process NFs, 10 % load, CPU of both cores", low.cpu_both.pairs(), "us a packet", 1e6),
          tell("100 process NFs, 10 % load, delivered of offered", low.delivered.pairs(), "k packets/s", 1e-3),
          tell("the same, woken for 64 packets or after 2 ms, CPU of the NFs' core", low_gathered.cpu_nfs.pairs(),
               "us a packet", 1e6),
          tell("the same, woken for 64 packets or after 2 ms, CPU of both cores", low_gathered.cpu_both.pairs(),
               "us a packet", 1e6),
          tell("the same, woken for 64 packets or after 2 ms, delivered", low_gathered.delivered.pairs(), "k packets/s",
               1e-3),
          tell("8 process NFs in a chain, 1 packet in flight", baton.pairs(), "k packets/s", 1e-3)};
}

}  // namespace roost::experiment

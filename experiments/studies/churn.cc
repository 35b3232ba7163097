// SPDX-License-Identifier: BSD-3-Clause
// Question: NFs are started, stopped and killed while others have traffic. What do the others notice?
//
// Slices without and with churn, in turn. The NFs that come and go have no packets: another service's.
#include <signal.h>
#include <unistd.h>

#include "core/error.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace churn_study {
namespace {

constexpr uint32_t kAtOnce = 4;
constexpr double kLoad = 0.2, kPatience_s = 30;

std::vector<Json> rows(Scale scale) {
  Json all{{"tier", {"fiber", "process"}}, {"nfs", {100, 1'000}}, {"how", {"stop", "kill"}}};
  if (scale == Scale::quick) {
    all["nfs"] = {100};
    all["tier"] = {"process"};
  }
  return product(all);
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions&) {
  if (row["tier"] == "fiber" && row["how"] == "kill") return "fibers share a host: killing it ends all of them";
  return machine_problem(row, limits);
}

class Churn {
 public:
  Churn(Rig& rig, const Json& row) : rig_(rig), tier_(tier_of(row)), kills_(row["how"] == "kill") {}

  // Starts a few and ends as many, again and again. Returns how many.
  uint32_t over(double seconds) {
    uint32_t ended = 0;
    for (const double end = seconds_now() + seconds; seconds_now() < end; ended += kAtOnce) {
      Manager::SpawnRequest request;
      request.module = Rig::module_path("touch");
      request.service = "s1";
      request.count = kAtOnce;
      request.tier = tier_;
      request.tenant = "comers";  // hosts of their own
      const auto [first, count] = rig_.manager().spawn(request).ranges.at(0);
      if (kills_)
        kill_hosts(first, count);
      else
        rig_.manager().stop_service("s1");
    }
    return ended;
  }

 private:
  void kill_hosts(uint32_t first, uint32_t count) {
    const Json known = rig_.manager().ps(static_cast<int64_t>(first) - 1, count);
    for (const Json& host : known["hosts"])
      if (host["tenant"] == "comers") kill(host["pid"].get<pid_t>(), SIGKILL);
    const auto live = [&] { return rig_.manager().ps(static_cast<int64_t>(first) - 1, count)["nfs"].size(); };
    const double end = seconds_now() + kPatience_s;
    while (live() != 0) {  // this is the control thread: the manager hears of it only here
      if (seconds_now() > end) fail("the manager still has NFs of hosts that were killed {} s ago", kPatience_s);
      rig_.manager().on_events();
      usleep(100);
    }
  }

  Rig& rig_;
  Tier tier_;
  bool kills_;
};

void measure(const Json& row, const TrialOptions& options, Life& life) {
  RigOptions rig_options;
  rig_options.steered = true;
  rig_options.lanes.resize(2);
  const auto nfs = row["nfs"].get<uint32_t>();
  rig_options.lanes[0].flows = flows_for(nfs, 1);
  rig_options.lanes[1].rate_pps = 1;  // the other service needs a way in
  Rig rig(rig_options, options.settings);
  rig.spawn("busy", "s0", nfs, tier_of(row), {{"cycles", 250}});
  rig.trial(0, options.warm_up_s);
  const double rate = kLoad * rig.trial(0, options.slice_s).out_pps;
  Churn churn(rig, row);
  DataLoop& loop = rig.manager().loop();
  rig.steer(rate);
  rig.start();
  usleep(static_cast<useconds_t>(options.warm_up_s * 1e6));
  const auto p99_us = [&] {
    return static_cast<double>(loop.latency().quantile(0.99)) * 1e6 / static_cast<double>(rig.manager().tsc_hz());
  };
  const auto slice = [&](const std::function<void()>& meanwhile) {
    loop.call([&] { loop.clear_latency(); });
    const uint64_t before = loop.counters().transmitted.get();
    const double began = seconds_now();
    meanwhile();
    return static_cast<double>(loop.counters().transmitted.get() - before) / (seconds_now() - began);
  };
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    const double quiet_pps = slice([&] { usleep(static_cast<useconds_t>(2 * options.slice_s * 1e6)); });
    const double quiet_us = p99_us(), began = seconds_now();
    uint32_t ended = 0;
    const double pps = slice([&] { ended = churn.over(2 * options.slice_s); });
    const double us = p99_us();
    life.add("churn_per_s", ended / (seconds_now() - began));
    life.add("throughput_pps", pps);
    life.add("latency_p99_us", us);
    life.add("quiet_p99_us", quiet_us);
    if (quiet_us > 0) life.add("times_quiet_p99", us / quiet_us);
    if (quiet_pps > 0) life.add("times_quiet_pps", pps / quiet_pps);
  }
  rig.settle();
  life.add_books(rig.books());
}

}  // namespace
}  // namespace churn_study

Experiment churn() {
  return {"churn", "NFs are started, stopped and killed while others have traffic: what do the others notice?",
          churn_study::rows, churn_study::problem, churn_study::measure};
}

}  // namespace roost::experiment

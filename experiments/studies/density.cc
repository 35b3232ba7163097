// SPDX-License-Identifier: BSD-3-Clause
// Question: what does it cost to hold many NFs? The matrix of the method: NFs x tier x the share of them that gets
// packets x chain length x cost of an NF x traffic.
//
// Each life: start; the most that comes out (MRR) in slices beside the bare pipeline's, which does the same work for a
// packet in one polling process; NDR and PDR; latency at 10, 50 and 90 % of PDR.
#include <algorithm>

#include "experiments/harness/bare_pipeline.h"
#include "experiments/lab/search.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {
namespace density_study {
namespace {

constexpr double kZipf = 1.0, kPartialLoss = 0.005, kAboveMrr = 1.3;
constexpr uint32_t kHostsCounted = 1'000;  // of more the manager's ps tells only these

Json base(const char* tier) {
  return {{"nfs", 100},        {"tier", tier},      {"active_percent", 100}, {"hops", 1},
          {"cost_cycles", 50}, {"shared_cores", 1}, {"traffic", "uniform"}};
}

Json dimensions(const char* tier) {
  Json all{{"active_percent", {1, 10, 100}},
           {"hops", {1, 3, 8}},
           {"cost_cycles", {50, 250, 1'000, 5'000}},
           {"shared_cores", {1, 2, 4, 8}},
           {"traffic", {"uniform", "zipf", "imix", "capture"}}};
  if (std::string(tier) == "fiber")
    all["nfs"] = {1, 10, 100, 1'000, 10'000, 100'000};
  else
    all["nfs"] = {1, 10, 100, 1'000, 4'000};
  return all;
}

std::vector<Json> rows(Scale scale) {
  std::vector<Json> all;
  for (const char* tier : {"fiber", "process"}) {
    std::vector<Json> some;
    if (scale == Scale::full) {
      Json matrix = dimensions(tier);
      matrix["tier"] = {tier};
      some = product(matrix);
    } else if (scale == Scale::lines) {
      some = lines(base(tier), dimensions(tier));
    } else {
      some = lines(base(tier), std::string(tier) == "fiber"
                                   ? Json{{"nfs", {1, 100, 10'000}}, {"hops", {1, 3}}, {"traffic", {"uniform", "imix"}}}
                                   : Json{{"nfs", {1, 100}}});
    }
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::string problem(const Json& row, const MachineLimits& limits, const TrialOptions& trial) {
  if (row["nfs"].get<uint32_t>() < row["hops"].get<uint32_t>())
    return "a chain has at least one NF for each of its hops";
  if (row["traffic"] == "capture" && trial.capture.empty()) return "no capture is given: --capture FILE";
  return machine_problem(row, limits);
}

struct Setup {
  explicit Setup(const Json& row, const TrialOptions& trial)
      : nfs(row["nfs"].get<uint32_t>()), hops(row["hops"].get<uint32_t>()), cost(row["cost_cycles"].get<uint64_t>()) {
    Lane& lane = rig.lanes[0];
    lane.services = hops;
    lane.flows = flows_for(nfs / hops, row["active_percent"].get<double>() / 100);
    lane.seed = trial.seed;
    const std::string traffic = row["traffic"];
    if (traffic == "imix") lane.imix = true;
    if (traffic == "zipf") lane.zipf_s = kZipf;
    if (traffic == "capture") lane.capture = trial.capture;
    rig.steered = true;
    rig.flow_rows = std::max(1U << 18, 2 * lane.flows);
    rig.shared.clear();
    for (uint32_t i = 0; i < row["shared_cores"].get<uint32_t>(); ++i) rig.shared.push_back(1 + i);
  }

  // The NFs, as evenly over the services as they go.
  void spawn(Rig& into, Tier tier) const {
    for (uint32_t i = 0; i < hops; ++i)
      into.spawn("busy", fmt::format("s{}", i), nfs / hops + (i < nfs % hops ? 1 : 0), tier, {{"cycles", cost}});
  }

  RigOptions rig;
  uint32_t nfs, hops;
  uint64_t cost;
};

double memory_bytes(Rig& rig) {
  double sum = 0;
  const Json stats = rig.manager().stats(true);
  for (const auto& [name, bytes] : stats["memory"].items()) sum += bytes.get<double>();
  return sum;
}

double nf_cycles(Rig& rig) {
  double sum = 0;
  const Json ps = rig.manager().ps(-1, UINT32_MAX);
  for (const Json& nf : ps["nfs"]) sum += nf["packets"].get<double>() * nf["cycles_per_packet"].get<double>();
  return sum;
}

void start(Rig& rig, const Setup& setup, Tier tier, double warm_up_s, Life& life) {
  const double before = memory_bytes(rig), began = seconds_now();
  setup.spawn(rig, tier);
  life.add("spawn_us_per_nf", (seconds_now() - began) * 1e6 / setup.nfs);
  rig.trial(0, warm_up_s);  // flows, paths and pages are made
  const double after = memory_bytes(rig);
  life.add("memory_per_nf_bytes", (after - before) / setup.nfs);
  life.add("memory_all_mib", after / 1048576.0);
}

// The most that comes out, and where the cycles go. Returns its median.
double measure_mrr(Rig& rig, BarePipeline& bare, const TrialOptions& options, const Setup& setup, Life& life) {
  std::vector<double> rates;
  const double hz = static_cast<double>(rig.manager().tsc_hz()), cycles_before = nf_cycles(rig);
  const bool all_hosts_known = rig.host_pids().size() < kHostsCounted;
  double packets = 0, workers_s = 0, manager_s = 0, seconds = 0, wakes = 0;
  for (int pair = 0; pair < options.pairs; ++pair) {
    life.check();
    const RateTrial trial = rig.trial(0, options.slice_s);
    rates.push_back(trial.out_pps);
    life.add_pair("bare_pipeline", trial.out_pps, bare.rate_over(options.slice_s));
    packets += static_cast<double>(trial.transmitted);
    wakes += static_cast<double>(trial.wakes);
    workers_s += trial.workers_cpu_s;
    manager_s += trial.manager_cpu_s;
    seconds += trial.seconds;
  }
  packets = std::max(1.0, packets);
  life.add("wakes_per_s", wakes / seconds);
  life.add("wakes_per_packet", wakes / packets);
  // NFs that worked on packets which were dropped later count too: a chain has none of those, by its backpressure.
  const double of_nfs = (nf_cycles(rig) - cycles_before) / packets;
  life.add("nf_cycles", of_nfs);
  life.add("io_cycles", manager_s * hz / packets);
  if (all_hosts_known) {
    life.add("worker_cycles", std::max(0.0, workers_s * hz / packets - of_nfs));
    life.add("idle_share", std::max(0.0, 1 - workers_s / seconds / static_cast<double>(setup.rig.shared.size())));
  }
  const Json stats = rig.manager().stats(false);
  life.add("nfs_active_share", stats["nfs_with_packets"].get<double>() / setup.nfs);
  return spread_of(rates).median;
}

double measure_rates(Rig& rig, double mrr, const TrialOptions& options, Life& life) {
  RateSearch search({.rate_least = std::max(100.0, mrr / 1'000),
                     .rate_most = kAboveMrr * mrr,
                     .width = 0.05,
                     .trials_most = 8 * options.pairs,
                     .repeats = options.pairs >= 3 ? 3 : 1},
                    [&](double rate) {
                      life.check();
                      return rig.trial(rate, options.slice_s).loss();
                    });
  const SearchResult found = search.find({{kPartialLoss}, {0}});
  life.add("pdr_pps", found.rates[0]);
  life.add("ndr_pps", found.rates[1]);
  life.add("search_trials", found.trials);
  return found.rates[0];
}

void measure(const Json& row, const TrialOptions& options, Life& life) {
  const Setup setup(row, options);
  Rig rig(setup.rig, options.settings);
  start(rig, setup, tier_of(row), options.warm_up_s, life);
  BarePipeline bare(rig.manager().pool(), Rig::source(setup.rig.lanes[0]), setup.rig.flow_rows, rig.manager().tsc_hz(),
                    setup.cost * setup.hops);
  bare.rate_over(options.slice_s);
  const double mrr = measure_mrr(rig, bare, options, setup, life);
  const double pdr = measure_rates(rig, mrr, options, life);
  if (pdr > 0) {
    for (const int percent : {10, 50, 90}) {
      life.check();
      const RateTrial trial = rig.trial(pdr * percent / 100, 2 * options.slice_s);
      life.add(fmt::format("latency_{}_p50_us", percent), trial.p50_us);
      life.add(fmt::format("latency_{}_p99_us", percent), trial.p99_us);
      life.add(fmt::format("latency_{}_p999_us", percent), trial.p999_us);
    }
  }
  life.add_books(rig.books());
}

}  // namespace
}  // namespace density_study

Experiment density() {
  return {"density", "What does it cost to hold many NFs, and what of it depends on how many of them are active?",
          density_study::rows, density_study::problem, density_study::measure};
}

}  // namespace roost::experiment

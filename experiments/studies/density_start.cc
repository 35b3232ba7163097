// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/studies/density_start.h"

#include <algorithm>

#include "experiments/lab/search.h"

namespace roost::experiment {
namespace {

constexpr double kZipf = 1.0, kPartialLoss = 0.005, kAboveMrr = 1.3;
constexpr uint32_t kHostsCounted = 1'000;  // of more the manager's ps tells only these
constexpr uint32_t kSampled = 500, kStretches = 10;
// Flows are made by their first packet: traffic goes on until most are there, or the patience is over.
constexpr double kFlowsThere = 0.95, kFlowsPatience_s = 3;

double memory_bytes(Rig& rig) {
  double sum = 0;
  const Json stats = rig.manager().stats(true);
  for (const auto& [name, bytes] : stats["memory"].items()) sum += bytes.get<double>();
  return sum;
}

const Json& with_most_flows(const std::vector<Json>& rows) {
  return *std::max_element(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["active_percent"].get<double>() < b["active_percent"].get<double>();
  });
}

}  // namespace

DensityStart::DensityStart(const std::vector<Json>& rows, const TrialOptions& options, std::vector<Life>& lives)
    : options_(options),
      nfs_(rows.front()["nfs"].get<uint32_t>()),
      hops_(rows.front()["hops"].get<uint32_t>()),
      cost_(rows.front()["cost_cycles"].get<uint64_t>()),
      shared_cores_(rows.front()["shared_cores"].get<double>()),
      rig_options_(rig_options(rows)),
      rig_(rig_options_, options.settings) {
  const double before = memory_bytes(rig_), began = seconds_now();
  spawn(rows.front());
  const double spawn_us = (seconds_now() - began) * 1e6 / nfs_;
  settle_flows(with_most_flows(rows));  // flows, paths and pages are made
  const double after = memory_bytes(rig_);
  for (Life& life : lives) {
    life.add("spawn_us_per_nf", spawn_us);
    life.add("memory_per_nf_bytes", (after - before) / nfs_);
    life.add("memory_all_mib", after / 1048576.0);
  }
  bare_.emplace(rig_.manager().pool(), Rig::source(rig_options_.lanes[0]), rig_options_.flow_rows,
                rig_.manager().tsc_hz(), cost_ * hops_);
  bare_->rate_over(options.slice_s);
  counted_ = nf_counts();
  books_ = rig_.books();
}

RigOptions DensityStart::rig_options(const std::vector<Json>& rows) const {
  RigOptions options;
  options.lanes[0] = lane_of(with_most_flows(rows));
  options.lanes[0].services = hops_;
  options.steered = true;
  options.flow_rows = std::max(1U << 18, 2 * options.lanes[0].flows);
  options.shared.clear();
  for (uint32_t i = 0; i < static_cast<uint32_t>(shared_cores_); ++i) options.shared.push_back(1 + i);
  return options;
}

// The same seed for all traffic: fewer flows are some of the flows, and go to some of the NFs.
Lane DensityStart::lane_of(const Json& row) const {
  Lane lane;
  lane.flows = flows_for(nfs_ / hops_, row["active_percent"].get<double>() / 100);
  lane.seed = options_.seed;
  const std::string traffic = row["traffic"];
  lane.imix = traffic == "imix" || traffic == "zipf_imix";
  if (traffic == "zipf" || traffic == "zipf_imix") lane.zipf_s = kZipf;
  if (traffic == "capture") lane.capture = options_.capture;
  return lane;
}

// As evenly over the services as they go.
void DensityStart::spawn(const Json& row) {
  for (uint32_t i = 0; i < hops_; ++i)
    rig_.spawn("busy", fmt::format("s{}", i), nfs_ / hops_ + (i < nfs_ % hops_ ? 1 : 0), tier_of(row),
               {{"cycles", cost_}});
}

void DensityStart::settle_flows(const Json& row) {
  rig_.trial(0, options_.warm_up_s);
  const std::string traffic = row["traffic"];
  if (traffic == "capture" || traffic.starts_with("zipf")) return;  // how many there will be is not known
  const double until = seconds_now() + kFlowsPatience_s;
  const auto wanted = static_cast<uint64_t>(kFlowsThere * lane_of(row).flows);
  const auto there = [&] {
    uint64_t flows = 0;
    rig_.manager().loop().call([&] { flows = rig_.manager().loop().flows(); });
    return flows;
  };
  while (there() < wanted && seconds_now() < until) rig_.trial(0, options_.slice_s);
}

void DensityStart::feed(const Json& row) {
  const Lane lane = lane_of(row);
  rig_.feed(lane);
  bare_->feed(Rig::source(lane));
  rig_.trial(0, options_.slice_s / 2);
  bare_->rate_over(options_.slice_s / 2);
}

DensityStart::NfCounts DensityStart::nf_counts() {
  NfCounts counts;
  const Json totals = rig_.manager().totals("tier");
  for (const Json& total : totals["groups"]) {
    counts.visits += total["packets"].get<uint64_t>();
    counts.cycles += total["cycles"].get<double>();
  }
  // A report of 100,000 NFs takes seconds: of more than a few thousand some stretches stand for all.
  const uint32_t stretch = nfs_ <= kSampled * kStretches ? nfs_ : kSampled;
  for (uint32_t from = 0; from < nfs_; from += std::max(stretch, nfs_ / kStretches)) {
    const Json ps = rig_.manager().ps(static_cast<int64_t>(from) - 1, stretch);
    for (const Json& nf : ps["nfs"]) counts.packets.push_back(nf["packets"].get<uint64_t>());
  }
  return counts;
}

double DensityStart::measure_mrr(Life& life) {
  std::vector<double> rates;
  const double hz = static_cast<double>(rig_.manager().tsc_hz());
  double packets = 0, workers_s = 0, manager_s = 0, seconds = 0, wakes = 0;
  for (int pair = 0; pair < options_.pairs; ++pair) {
    life.check();
    const RateTrial trial = rig_.trial(0, options_.slice_s);
    rates.push_back(trial.out_pps);
    life.add_pair("bare_pipeline", trial.out_pps, bare_->rate_over(options_.slice_s));
    packets += static_cast<double>(trial.transmitted);
    wakes += static_cast<double>(trial.wakes);
    workers_s += trial.workers_cpu_s;
    manager_s += trial.manager_cpu_s;
    seconds += trial.whole_s;
  }
  packets = std::max(1.0, packets);
  life.add("wakes_per_s", wakes / seconds);
  life.add("wakes_per_packet", wakes / packets);
  life.add("io_cycles", manager_s * hz / packets);
  const NfCounts before = std::exchange(counted_, nf_counts());
  size_t active = 0;
  for (size_t i = 0; i < counted_.packets.size(); ++i) active += counted_.packets[i] != before.packets[i];
  life.add("nfs_active_share", static_cast<double>(active) / static_cast<double>(counted_.packets.size()));
  const uint64_t visits = counted_.visits - before.visits;
  // A packet visits an NF for each hop; none is dropped between them, by backpressure.
  const double of_nfs = (counted_.cycles - before.cycles) * hops_ / static_cast<double>(std::max<uint64_t>(1, visits));
  life.add("nf_cycles", of_nfs);
  if (rig_.host_pids().size() < kHostsCounted) {
    life.add("worker_cycles", std::max(0.0, workers_s * hz / packets - of_nfs));
    life.add("idle_share", std::max(0.0, 1 - workers_s / seconds / shared_cores_));
  }
  return spread_of(rates).median;
}

void DensityStart::measure_rates(double mrr, Life& life) {
  RateSearch search({.rate_least = std::max(100.0, mrr / 1'000),
                     .rate_most = kAboveMrr * mrr,
                     .width = 0.05,
                     .trials_most = 8 * options_.pairs,
                     .repeats = options_.pairs >= 3 ? 3 : 1},
                    [&](double rate) {
                      life.check();
                      return rig_.trial(rate, options_.slice_s).loss();
                    });
  const SearchResult found = search.find({{kPartialLoss}, {0}});
  life.add("pdr_pps", found.rates[0]);
  life.add("ndr_pps", found.rates[1]);
  life.add("search_trials", found.trials);
  if (found.rates[0] <= 0) return;
  for (const int percent : {10, 50, 90}) {
    life.check();
    const RateTrial trial = rig_.trial(found.rates[0] * percent / 100, 2 * options_.slice_s);
    life.add(fmt::format("latency_{}_p50_us", percent), trial.p50_us);
    life.add(fmt::format("latency_{}_p99_us", percent), trial.p99_us);
    life.add(fmt::format("latency_{}_p999_us", percent), trial.p999_us);
  }
}

void DensityStart::add_books(Life& life) {
  const Json before = std::exchange(books_, rig_.books());
  Json since = Json::object();
  for (const auto& [name, count] : books_.items())
    since[name] = count.get<uint64_t>() - (name == "held" ? 0 : before[name].get<uint64_t>());
  life.add_books(since);
}

}  // namespace roost::experiment

// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/studies/studies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace roost::experiment {
namespace {

// A process NF's memory is about half of this; a fiber NF's some kilobytes with its flows.
constexpr uint64_t kProcessKib = 1'024, kFiberKib = 16, kRestMib = 1'024;
constexpr uint64_t kProcessesSpare = 500;

}  // namespace

std::vector<Json> product(const Json& dimensions) {
  std::vector<Json> rows{Json::object()};
  for (const auto& [name, values] : dimensions.items()) {
    std::vector<Json> longer;
    for (const Json& row : rows)
      for (const Json& value : values) {
        longer.push_back(row);
        longer.back()[name] = value;
      }
    rows = std::move(longer);
  }
  return rows;
}

std::vector<Json> lines(const Json& base, const Json& dimensions) {
  std::vector<Json> rows{base};
  for (const auto& [name, values] : dimensions.items())
    for (const Json& value : values) {
      if (base.at(name) == value) continue;
      rows.push_back(base);
      rows.back()[name] = value;
    }
  return rows;
}

Tier tier_of(const Json& parameters) { return parameters.at("tier") == "process" ? Tier::process : Tier::fiber; }

std::string machine_problem(const Json& parameters, const MachineLimits& limits) {
  const auto nfs = parameters.at("nfs").get<uint64_t>();
  const bool processes = tier_of(parameters) == Tier::process;
  const uint64_t mib = kRestMib + nfs * (processes ? kProcessKib : kFiberKib) / 1'024;
  if (mib > limits.memory_mib)
    return fmt::format("{} NFs in tier {} take about {} MiB, and {} MiB are free", nfs,
                       parameters["tier"].get<std::string>(), mib, limits.memory_mib);
  if (processes && nfs + kProcessesSpare > limits.processes)
    return fmt::format("{} processes are too many: 'ulimit -u' or kernel.pid_max allows {}", nfs, limits.processes);
  const auto cores = parameters.value("shared_cores", 1U);
  if (cores + 1 > limits.cores)
    return fmt::format("needs {} cores, {} of them shared, and there are {}", cores + 1, cores, limits.cores);
  return "";
}

uint32_t flows_for(uint32_t nfs, double active_share) {
  if (nfs <= 1) return 100;
  if (active_share >= 1) return std::max(1'000U, 4 * nfs);  // all but one in 55
  // Of n NFs, f flows at random leave n (1 - 1/n)^f without any.
  const double n = nfs;
  return std::max(1U, static_cast<uint32_t>(std::lround(std::log1p(-active_share) / std::log1p(-1 / n))));
}

void add_latency(Life& life, const RateTrial& trial) {
  life.add("latency_p50_us", trial.p50_us);
  life.add("latency_p99_us", trial.p99_us);
  life.add("latency_p999_us", trial.p999_us);
  life.add("latency_max_us", trial.max_us);
}

void add_cpu(Life& life, const RateTrial& trial) {
  life.add("cpu_workers_percent", 100 * trial.workers_cpu_s / trial.whole_s);
  life.add("cpu_manager_percent", 100 * trial.manager_cpu_s / trial.whole_s);
  life.add("cpu_percent", 100 * (trial.workers_cpu_s + trial.manager_cpu_s) / trial.whole_s);
}

std::vector<std::string> with(std::vector<std::string> settings, const std::vector<std::string>& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

}  // namespace roost::experiment

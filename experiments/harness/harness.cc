// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/harness.h"

#include <fmt/format.h>
#include <rte_version.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "core/clock.h"
#include "core/error.h"

namespace roost::experiment {
namespace {

std::string line_of(const std::string& file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return line.substr(line.find(':') + 2);
  return "";
}

std::string first_line(const std::string& file) {
  std::ifstream lines(file);
  std::string line;
  std::getline(lines, line);
  return line;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return {n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2, values.front(), values.back()};
}

Json Spread::json() const { return {{"median", median}, {"least", least}, {"most", most}}; }

Json Pairs::json() const { return {{"ratio", ratio.json()}, {"roost", thing.json()}, {"baseline", baseline.json()}}; }

void PairSamples::add(double thing, double baseline) {
  things_.push_back(thing);
  baselines_.push_back(baseline);
  ratios_.push_back(thing / baseline);
}

Pairs measure_pairs(int pairs, const std::function<double()>& thing, const std::function<double()>& baseline) {
  PairSamples samples;
  for (int pair = -1; pair < pairs; ++pair) {
    const double a = thing(), b = baseline();
    if (pair >= 0) samples.add(a, b);
  }
  return samples.pairs();
}

Json machine_facts() {
  utsname system{};
  uname(&system);
  return {{"cpu", line_of("/proc/cpuinfo", "model name")},
          {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
          {"kernel", system.release},
          {"dpdk", rte_version()},
          {"compiler", __VERSION__},
          {"tsc_mhz", static_cast<double>(measure_tsc_hz()) / 1e6},
          {"hugepages_free", first_line("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")},
          {"thp_shmem", first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled")},
          {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
          {"label", "in memory, no NIC"}};
}

double steal_share() {
  std::istringstream fields(first_line("/proc/stat"));
  std::string cpu;
  fields >> cpu;
  double sum = 0, steal = 0;
  double value;
  for (int i = 0; fields >> value && i < 8; ++i) {
    sum += value;
    if (i == 7) steal = value;
  }
  return sum == 0 ? 0 : steal / sum;
}

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail_errno("core {}: cannot run there", core);
}

double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double jain(const std::vector<double>& shares) {
  double sum = 0, squares = 0;
  for (const double share : shares) sum += share, squares += share * share;
  return squares == 0 ? 0 : sum * sum / (static_cast<double>(shares.size()) * squares);
}

}  // namespace roost::experiment

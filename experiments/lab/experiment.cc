// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/experiment.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "cli/machine.h"

namespace roost::experiment {

Json TrialOptions::json() const {
  return {{"slice_s", slice_s}, {"warm_up_s", warm_up_s}, {"pairs", pairs},
          {"seed", seed},       {"capture", capture},     {"settings", settings}};
}

void Life::add_pair(const std::string& baseline, double roost_pps, double baseline_pps) {
  add("throughput_pps", roost_pps);
  add(baseline + "_pps", baseline_pps);
  if (baseline_pps > 0) add("times_" + baseline, roost_pps / baseline_pps);
}

void Life::add_books(const Json& books) {
  for (const auto& [name, count] : books.items()) books_[name] += count.get<uint64_t>();
}

Json Life::json() const { return {{"samples", samples_}, {"books", books_}}; }

MachineLimits machine_limits() {
  MachineLimits limits;
  limits.cores = static_cast<uint32_t>(cli::usable_cores().size());
  std::ifstream memory("/proc/meminfo");
  for (std::string key, unit; memory >> key;) {
    uint64_t kib = 0;
    memory >> kib;
    std::getline(memory, unit);
    if (key == "MemAvailable:") limits.memory_mib = kib >> 10;
  }
  rlimit processes{};
  getrlimit(RLIMIT_NPROC, &processes);
  limits.processes = std::min<uint64_t>(processes.rlim_cur, UINT32_MAX);
  uint64_t pids = UINT32_MAX;
  if (std::ifstream("/proc/sys/kernel/pid_max") >> pids) limits.processes = std::min(limits.processes, pids);
  return limits;
}

std::string row_name(const Json& parameters) {
  std::string name;
  for (const auto& [key, value] : parameters.items()) {
    if (!name.empty()) name += ',';
    name += key + "=" + (value.is_string() ? value.get<std::string>() : json_text(value));
  }
  return name;
}

}  // namespace roost::experiment

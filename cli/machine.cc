// SPDX-License-Identifier: BSD-3-Clause
#include "cli/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace roost::cli {
namespace {

// The value of the first line "name<spaces>: value" of a file of /proc.
std::string proc_field(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    const size_t start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (line.find_last_not_of(" \t", colon - 1) + 1 == name.size() && start != std::string::npos)
      return line.substr(start);
  }
  return "";
}

uint64_t proc_number(const char* path, const std::string& name) {
  return std::strtoull(proc_field(path, name).c_str(), nullptr, 10);
}

}  // namespace

Json machine_facts() {
  utsname system{};
  uname(&system);
  return {{"cpu", proc_field("/proc/cpuinfo", "model name")},
          {"cores", usable_cores().size()},
          {"kernel", system.release},
          {"memory_kib", proc_number("/proc/meminfo", "MemTotal")},
          {"hugepages",
           {{"total", proc_number("/proc/meminfo", "HugePages_Total")},
            {"free", proc_number("/proc/meminfo", "HugePages_Free")},
            {"kib", proc_number("/proc/meminfo", "Hugepagesize")}}}};
}

std::vector<uint32_t> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<uint32_t> cores;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (uint32_t core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &set)) cores.push_back(core);
  if (cores.empty()) cores.push_back(0);
  return cores;
}

double cpu_seconds_of(int pid) {
  double nanoseconds = 0;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    double used = 0;
    if (std::ifstream(thread.path() / "schedstat") >> used) nanoseconds += used;
  }
  return nanoseconds * 1e-9;
}

}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/host_groups.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "core/shared_memory.h"

namespace roost {
namespace {

constexpr std::string_view kPrefix = "roost-";

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// One write(2): that is how the kernel takes it, and says what is wrong.
bool put(const std::string& path, const std::string& text) {
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// When it started, in clock ticks since boot: with its number, that is one process and no other. Empty: it is gone.
std::string started(pid_t pid) {
  const std::string stat = content(fmt::format("/proc/{}/stat", pid));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  const auto fields = split(std::string_view(stat).substr(name_end + 2), ' ');
  constexpr size_t kStartTime = 22 - 3;  // proc(5); the first after the name is field 3
  return fields.size() > kStartTime && fields[0] != "Z" ? fields[kStartTime] : "";
}

std::string folder_of(pid_t pid) { return fmt::format("{}{}-{}", kPrefix, pid, started(pid)); }

// Of a manager that is no more.
bool is_left_over(const std::string& name) {
  if (!name.starts_with(kPrefix)) return false;
  pid_t pid = 0;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + kPrefix.size(), end, pid);
  return read.ec == std::errc() && read.ptr != end && *read.ptr == '-' && name != folder_of(pid);
}

void remove_left_overs(const std::string& own) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(own, error)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory(error) || !is_left_over(name)) continue;
    for (const auto& host : std::filesystem::directory_iterator(entry.path(), error))
      if (host.is_directory(error)) rmdir(host.path().c_str());
    if (rmdir(entry.path().c_str()) == 0)
      log_info("control group '{}': removed; its manager is gone", entry.path().string());
    else
      log_warn("control group '{}': its manager is gone, and it cannot be removed: {}", entry.path().string(),
               std::strerror(errno));
  }
}

std::string host_folder(const std::string& ours, uint32_t host) { return fmt::format("{}/host-{}", ours, host); }

bool lists(const std::string& path, std::string_view word) {
  std::ifstream file(path);
  for (std::string each; file >> each;)
    if (each == word) return true;
  return false;
}

uint64_t counted(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  uint64_t value = 0;
  for (std::string word; file >> word >> value;)
    if (word == key) return value;
  return 0;
}

}  // namespace

GroupFolder own_group(std::string_view controller, std::string_view mountinfo, std::string_view membership) {
  GroupFolder found, unified;
  std::string path, unified_path;
  for (const std::string& line : split(membership, '\n')) {
    const size_t one = line.find(':'), two = one == std::string::npos ? one : line.find(':', one + 1);
    if (two == std::string::npos) continue;
    const std::string names = line.substr(one + 1, two - one - 1);
    if (names.empty()) unified_path = line.substr(two + 1);
    if (has(split(names, ','), controller)) path = line.substr(two + 1);
  }
  // proc(5): ... root mount-point options [optional...] - type source super-options
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 7 || fields.end() - dash < 4) continue;
    const std::string &root = fields[3], &mount = fields[4], &type = dash[1];
    const bool v1 = type == "cgroup" && !path.empty() && has(split(dash[3], ','), controller);
    const bool v2 = type == "cgroup2" && !unified_path.empty();
    if (!v1 && !v2) continue;
    std::string below = v1 ? path : unified_path;
    if (root != "/" && below.starts_with(root)) below.erase(0, root.size());
    if (below == "/") below.clear();
    GroupFolder& into = v1 ? found : unified;
    into.version = v1 ? 1 : 2;
    into.path = mount + below;
  }
  return found.version != 0 ? found : unified;
}

HostGroups::HostGroups(const HostLimits& limits) : limits_(limits) {
  try {
    if (limits.memory_max_mib != 0) prepare(memory_, "memory");
    if (limits.pids_max != 0) prepare(pids_, "pids");
  } catch (...) {
    put_back(memory_, "memory");
    put_back(pids_, "pids");
    throw;
  }
}

HostGroups::~HostGroups() {
  for (const uint32_t host : std::set<uint32_t>(leaving_)) remove_folders(host);
  put_back(pids_, "pids");
  put_back(memory_, "memory");
}

void HostGroups::prepare(Hierarchy& hierarchy, const std::string& controller) {
  const char* const key = controller == "memory" ? "memory_max_mib" : "pids_max";
  hierarchy.own = own_group(controller, content("/proc/self/mountinfo"), content("/proc/self/cgroup"));
  const std::string& own = hierarchy.own.path;
  const bool there =
      hierarchy.own.version == 1 || (hierarchy.own.version == 2 && lists(own + "/cgroup.controllers", controller));
  if (!there)
    fail(
        "[hosts] {}: this machine has no control groups with '{}' for this process; mount them, have systemd delegate "
        "them (Delegate=yes), or leave {} out",
        key, controller, key);
  remove_left_overs(own);
  const std::string ours = own + "/" + folder_of(getpid());
  if (mkdir(ours.c_str(), 0755) != 0 && errno != EEXIST)
    fail_errno(
        "[hosts] {}: control group '{}' cannot be made; run roostd as root, have systemd delegate its group "
        "(Delegate=yes), or leave {} out",
        key, ours, key);
  hierarchy.ours = ours;
  if (hierarchy.own.version == 2) enable(hierarchy, controller);
}

// Version 2 gives a controller to the groups below one that has no processes of its own: where the manager is alone in
// its group, it moves down into one beside its hosts'.
void HostGroups::enable(Hierarchy& hierarchy, const std::string& controller) {
  const std::string& own = hierarchy.own.path;
  const std::string given = own + "/cgroup.subtree_control", plus = "+" + controller;
  if (!lists(given, controller)) {
    if (!put(given, plus)) {
      const std::string down = hierarchy.ours + "/manager";
      mkdir(down.c_str(), 0755);
      hierarchy.moved = put(down + "/cgroup.procs", std::to_string(getpid()));
      if (!put(given, plus))
        fail_errno(
            "control group '{}': cannot give '{}' to groups below it: it has other processes than the manager, "
            "or is not the manager's to change; start roostd in one of its own (a service of systemd's with "
            "Delegate=yes)",
            own, controller);
    }
    hierarchy.enabled = true;
  }
  if (!put(hierarchy.ours + "/cgroup.subtree_control", plus))
    fail_errno("control group '{}': cannot give '{}' to groups below it", hierarchy.ours, controller);
}

void HostGroups::put_back(Hierarchy& hierarchy, const std::string& controller) noexcept {
  if (hierarchy.ours.empty()) return;
  const std::string minus = "-" + controller;
  if (hierarchy.own.version == 2) put(hierarchy.ours + "/cgroup.subtree_control", minus);
  if (hierarchy.enabled) put(hierarchy.own.path + "/cgroup.subtree_control", minus);
  if (hierarchy.moved) put(hierarchy.own.path + "/cgroup.procs", std::to_string(getpid()));
  rmdir((hierarchy.ours + "/manager").c_str());
  rmdir(hierarchy.ours.c_str());
}

void HostGroups::add(uint32_t host, pid_t pid) {
  for (const uint32_t gone : std::set<uint32_t>(leaving_)) remove_folders(gone);
  const auto join = [&](const Hierarchy& hierarchy, const std::vector<std::pair<const char*, uint64_t>>& values) {
    if (hierarchy.ours.empty()) return;
    const std::string folder = host_folder(hierarchy.ours, host);
    if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) fail_errno("control group '{}': cannot be made", folder);
    for (const auto& [file, value] : values)
      if (!put(folder + "/" + file, std::to_string(value)))
        fail_errno("control group '{}': cannot set {} to {}", folder, file, value);
    if (!put(folder + "/cgroup.procs", std::to_string(pid)))
      fail_errno("control group '{}': cannot take in process {}", folder, pid);
  };
  try {
    const uint64_t bytes = uint64_t{limits_.memory_max_mib} << 20;
    if (memory_.own.version == 2)
      join(memory_, {{"memory.max", bytes}});
    else
      join(memory_, {{"memory.limit_in_bytes", bytes}});
    join(pids_, {{"pids.max", limits_.pids_max}});
    // What may not be in memory shall not be on a disk either; without swap there are no such files.
    const std::string folder = host_folder(memory_.ours, host);
    if (memory_.own.version == 2) put(folder + "/memory.swap.max", "0");
    if (memory_.own.version == 1) put(folder + "/memory.memsw.limit_in_bytes", std::to_string(bytes));
  } catch (...) {
    remove(host);
    throw;
  }
}

bool HostGroups::out_of_memory(uint32_t host) const {
  if (memory_.ours.empty()) return false;
  const std::string folder = host_folder(memory_.ours, host);
  return counted(folder + (memory_.own.version == 2 ? "/memory.events" : "/memory.oom_control"), "oom_kill") != 0;
}

void HostGroups::remove(uint32_t host) noexcept {
  leaving_.insert(host);
  remove_folders(host);
}

bool HostGroups::remove_folders(uint32_t host) noexcept {
  bool gone = true;
  for (const Hierarchy* hierarchy : {&memory_, &pids_}) {
    if (hierarchy->ours.empty()) continue;
    if (rmdir(host_folder(hierarchy->ours, host).c_str()) != 0 && errno != ENOENT) gone = false;
  }
  if (gone) leaving_.erase(host);
  return gone;
}

}  // namespace roost

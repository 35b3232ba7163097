// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/config.h"

#include <sched.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/packet_memory.h"
#include "core/settings.h"
#include "scheduler/config_parts.h"

namespace roost {
namespace {

// sockaddr_un's path, less what the manager appends for its hosts' socket, and the final NUL.
constexpr size_t kSocketPathMax = 108 - 1 - 6;
constexpr uintmax_t kFileBytesMax = 16U << 20;
constexpr uint32_t kPacketsMin = 1024;
constexpr uint32_t kPacketsMax = kHandlesPerNode - 1;  // an arena maps one stride more
constexpr uint32_t kFlowsMin = 8;
constexpr uint32_t kFlowsMax = 1U << 24;
constexpr uint32_t kFlowIdleMaxS = 86'400;

std::vector<uint32_t> cores_here() {
  cpu_set_t set;
  std::vector<uint32_t> cores;
  if (sched_getaffinity(0, sizeof set, &set) != 0) fail_errno("the cores that this process may use can't be read");
  for (uint32_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

void read_memory(TableReader& root, ManagerConfig::Memory& memory) {
  const toml::table* table = root.table("memory");
  if (table == nullptr) return;
  TableReader reader(*table, "[memory]", root.problems());
  reader.into(memory.packets, "packets", kPacketsMin, kPacketsMax);
  constexpr std::string_view kNames[] = {"auto", "never", "require"};  // in the order of enum Hugepages
  if (const auto index = reader.choice("hugepages", kNames)) memory.hugepages = static_cast<Hugepages>(*index);
  reader.finish();
}

// Returns whether it says idle_s, which is a setting's starting value.
bool read_flows(TableReader& root, ManagerConfig::Flows& flows) {
  const toml::table* table = root.table("flows");
  if (table == nullptr) return false;
  TableReader reader(*table, "[flows]", root.problems());
  reader.into(flows.max, "max", kFlowsMin, kFlowsMax);
  reader.into(flows.wide_max, "wide_max", kFlowsMin, kFlowsMax);
  reader.into(flows.idle_s, "idle_s", 1, kFlowIdleMaxS);
  reader.finish();
  return table->contains("idle_s");
}

void read_settings(TableReader& root, const ConfigContext& context, bool flow_idle_given,
                   std::map<std::string, uint64_t>& settings) {
  const toml::table* table = root.table("settings");
  if (table == nullptr) return;
  for (const auto& [key, node] : *table) {
    const std::string name(key.str());
    const auto* value = node.as_integer();
    if (value == nullptr) {
      root.problems().add(node.source(), "[settings]: '{}' isn't a whole number; settings are", name);
      continue;
    }
    const auto problem = context.setting_problem(name, value->get());
    if (problem) {
      root.problems().add(key.source(), "[settings]: {}", *problem);
    } else if (value->get() < 0) {
      root.problems().add(node.source(), "[settings]: {} = {} is negative; settings are not", name, value->get());
    } else if (name == "flow_idle_s" && flow_idle_given) {
      root.problems().add(key.source(), "[settings]: flow_idle_s is given as [flows] idle_s, too; leave one out");
    } else {
      settings[name] = static_cast<uint64_t>(value->get());
    }
  }
}

ManagerConfig read_all(const toml::table& table, const ConfigContext& context, ConfigProblems& problems) {
  ManagerConfig config;
  TableReader root(table, "configuration", problems);
  config.control_socket = root.text("control_socket").value_or("");
  if (config.control_socket.size() > kSocketPathMax) {
    problems.add(root.where("control_socket"), "control_socket has {} characters; use {} at most",
                 config.control_socket.size(), kSocketPathMax);
  }
  read_control(root, config.control);
  read_memory(root, config.memory);
  read_cores(root, context.cores, config.cores);
  const bool flow_idle_given = read_flows(root, config.flows);
  read_hosts(root, config.hosts);
  read_domains(root, config);
  read_ports(root, config);
  read_services_and_chains(root, config);
  read_tenants(root, config);
  read_packet_rules(root, config);
  read_settings(root, context, flow_idle_given, config.settings);
  check_settings_together(table, config, problems);
  root.finish();
  return config;
}

}  // namespace

ManagerConfig parse_config(std::string_view text, std::string_view origin, const ConfigContext& context) {
  ConfigContext complete = context;
  if (!complete.setting_problem) complete.setting_problem = Settings::problem;
  if (complete.cores.empty()) complete.cores = cores_here();
  ConfigProblems problems(origin);
  ManagerConfig config;
  try {
    config = read_all(toml::parse(text, origin), complete, problems);
  } catch (const toml::parse_error& error) {
    // What follows a syntax error can't be told apart, so it comes alone.
    problems.add(error.source(), "not TOML: {}; mend this line first", error.description());
  }
  problems.raise();
  return config;
}

ManagerConfig load_config(const std::string& path, const ConfigContext& context) {
  if (std::filesystem::is_directory(path)) fail("configuration '{}' is a directory; name a file", path);
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_errno("configuration '{}' can't be read; name an existing file", path);
  // Read by the stream, not by the file's size: it may be a pipe.
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) fail("configuration '{}' is larger than {} bytes; is it one?", path, kFileBytesMax);
  return parse_config(text, path, context);
}

}  // namespace roost

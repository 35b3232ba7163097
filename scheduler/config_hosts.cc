// SPDX-License-Identifier: BSD-3-Clause
// [hosts]: what hosts, and so NFs, may do.
#include <seccomp.h>

#include "core/error.h"
#include "scheduler/config_parts.h"

namespace roost {
namespace {

constexpr uint32_t kDescriptorsMin = 64, kDescriptorsMax = 1 << 20;
constexpr uint32_t kOutliveMost_s = 3'600;

// Names that this machine's libseccomp knows; of another kind of processor ones count, and allow nothing.
bool is_system_call(const std::string& name) { return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR; }

// Less, and a host does not start: it has its pages of Roost's, two threads, and those that go on for an NF that
// doesn't return.
constexpr uint32_t kMemoryMinMib = 4, kMemoryMaxMib = 1U << 24;
constexpr uint32_t kPidsMin = 8, kPidsMax = 1U << 20;

}  // namespace

std::optional<User> read_user(TableReader& reader) {
  const auto name = reader.text("user");
  if (!name) return std::nullopt;
  try {
    return user_named(*name);
  } catch (const Error& error) {
    reader.problems().add(reader.where("user"), "{}: 'user': {}", reader.name(), error.what());
    return std::nullopt;
  }
}

void read_hosts(TableReader& root, ManagerConfig::Hosts& hosts) {
  const toml::table* table = root.table("hosts");
  if (table == nullptr) return;
  TableReader reader(*table, "[hosts]", root.problems());
  constexpr std::string_view kModes[] = {"strict", "log", "off"};
  if (const auto index = reader.choice("seccomp", kModes)) hosts.seccomp = kModes[*index];
  if (const toml::array* array = reader.array("seccomp_allow"); array != nullptr) {
    for (const toml::node& item : *array) {
      const auto* name = item.as_string();
      if (name == nullptr || !is_system_call(name->get()))
        reader.problems().add(item.source(),
                              "[hosts]: 'seccomp_allow' lists what is no system call; give names as in syscalls(2): "
                              "\"socket\"");
      else
        hosts.seccomp_allow.push_back(name->get());
    }
  }
  reader.into(hosts.descriptors_max, "descriptors_max", kDescriptorsMin, kDescriptorsMax);
  hosts.user = read_user(reader);
  reader.into(hosts.limits.memory_max_mib, "memory_max_mib", kMemoryMinMib, kMemoryMaxMib);
  reader.into(hosts.limits.pids_max, "pids_max", kPidsMin, kPidsMax);
  reader.into(hosts.outlive_manager_s, "outlive_manager_s", 0u, kOutliveMost_s);
  // Whoever offers hosts to a new manager is known by being what no host can become: that is the filter's doing.
  if (hosts.outlive_manager_s != 0 && (hosts.seccomp != "strict" || !hosts.seccomp_allow.empty()))
    reader.problems().add(table->source(),
                          "[hosts]: 'outlive_manager_s' needs seccomp = \"strict\" and no 'seccomp_allow': a host that "
                          "is less confined could pass for others; take one of them out");
  if (hosts.outlive_manager_s != 0 && hosts.limits.any())
    reader.problems().add(table->source(),
                          "[hosts]: 'outlive_manager_s' goes with neither 'memory_max_mib' nor 'pids_max': control "
                          "groups end with the manager that made them; take one of them out");
  reader.finish();
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The manager's configuration: TOML, checked whole before anything starts. docs/configuration.md describes the format.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/doorbell.h"
#include "core/port_config.h"
#include "core/rules/rule_text.h"
#include "core/shared_memory.h"
#include "scheduler/accounts.h"
#include "scheduler/host_groups.h"

namespace roost {

inline constexpr std::string_view kDefaultDomain = "default";  // always there; memory.packets is its size

struct ManagerConfig {
  struct Memory {
    uint32_t packets = 32768;
    Hugepages hugepages = Hugepages::automatic;
  };
  struct Cores {
    std::vector<uint32_t> io{0};   // the CPU of each io core: as often as io_per_cpu says
    std::optional<uint32_t> wake;  // none: the io cores' loops wake
    std::vector<uint32_t> shared;  // the CPU of each shared core: as often as shared_per_cpu says
    std::vector<uint32_t> dedicated;
    WaitMode wait_mode = WaitMode::futex;
  };
  struct Flows {
    uint32_t max = 1U << 17;       // IPv4
    uint32_t wide_max = 1U << 15;  // IPv6, and what is not IP
    uint32_t idle_s = 60;
  };
  struct Hosts {
    std::string seccomp = "strict";            // or log, off
    std::vector<std::string> seccomp_allow{};  // names of system calls, besides those that a packet NF needs
    uint32_t descriptors_max = 1'024;          // open in one host
    uint32_t outlive_manager_s = 0;            // how long hosts wait for another manager; 0: they end with theirs
    std::optional<User> user{};                // whom they run as; none: the manager's
    HostLimits limits{};                       // of one host, kept by the kernel
  };
  // Hosts that may see each other's packets. A port's, a service's `domain`: 0, or one more than its place in the file.
  struct Domain {
    std::string name;
    uint32_t packets = 32768;
    std::vector<std::string> tenants{};  // whose NFs may be there; none: everybody's
  };
  // Who may say what on the control socket, beside the manager's user and root.
  struct Control {
    Accounts operators{}, observers{};
    std::optional<uint32_t> mode{};  // of the socket's file; none: as narrow as these let it be
    std::optional<gid_t> group{};    // of the socket's file; none: the manager's
    uint32_t file_mode() const noexcept {
      if (mode) return *mode;
      return group ? 0660 : operators.empty() && observers.empty() ? 0600 : 0666;
    }
  };
  struct Port : PortConfig {
    std::string chain;           // of what it receives; empty: none, and that is dropped
    uint8_t domain = 0;          // into whose memory it receives
    std::vector<uint32_t> io{};  // the io cores that have a queue of it, by place; empty: one, in turn
  };
  struct Service {
    std::string name;
    uint32_t priority = 0;                       // higher goes first on shared cores: share_policy 3
    std::map<std::string, uint64_t> settings{};  // of its NFs, beside the manager's
    uint8_t domain = 0;
  };
  struct Tenant {
    std::string name;
    uint32_t weight = 100;       // of the time of a shared core, against other tenants
    std::optional<User> user{};  // whom its hosts run as; none: as [hosts] says
  };
  struct Chain {
    std::string name;
    std::vector<std::string> services;
    std::string out;  // a port
  };

  std::string control_socket;  // empty: the usual place
  bool paused = false;         // not in the file: ports receive nothing until somebody says so
  Control control;
  Memory memory;
  Cores cores;
  Flows flows;
  Hosts hosts;
  std::vector<Port> ports;  // in the order of their numbers
  std::vector<Service> services;
  std::vector<Tenant> tenants;  // others have the standard weight
  std::vector<Chain> chains;
  std::map<std::string, uint64_t> settings;
  std::vector<Domain> domains{};        // beside the one that is always there
  std::vector<RuleSpec> rules{};        // chains and ports by their places in the file
  std::vector<std::string> warnings{};  // of what may be so, but is hardly meant
};

// What a configuration is checked against.
struct ConfigContext {
  // Nothing, or what is wrong with the setting and its remedy; empty: core/settings.h knows.
  std::function<std::optional<std::string>(std::string_view name, int64_t value)> setting_problem;
  std::vector<uint32_t> cores;  // that may be used; empty: those that this process may run on
};

// Both throw Error with all problems, one a line: `file:line:column: what; remedy`. `origin` stands for the file's
// name.
ManagerConfig load_config(const std::string& path, const ConfigContext& context = {});
ManagerConfig parse_config(std::string_view text, std::string_view origin, const ConfigContext& context = {});

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The sections of the configuration that take more than a few lines; each reads its own and reports its problems.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/config.h"
#include "scheduler/config_reader.h"

namespace roost {

// `usable`: the cores that may be named, in order, at least one.
void read_cores(TableReader& root, const std::vector<uint32_t>& usable, ManagerConfig::Cores& cores);
// `io_cores`: how many there are.
void read_ports(TableReader& root, size_t io_cores, std::vector<ManagerConfig::Port>& ports);
// After read_ports: ports and chains name each other.
void read_services_and_chains(TableReader& root, ManagerConfig& config);
void read_hosts(TableReader& root, ManagerConfig::Hosts& hosts);
void read_tenants(TableReader& root, ManagerConfig& config);
// After read_services_and_chains: rules name ports and chains.
void read_packet_rules(TableReader& root, ManagerConfig& config);

// Once all of the file is read: what it says, and what it doesn't, of settings that contradict each other.
void check_settings_together(const toml::table& file, const ManagerConfig& config, ConfigProblems& problems);

// The table's name, checked: given, well formed, not among `taken` (of the same kind), to which it is added.
// Messages call the table "kind 'name'" from then on.
std::string read_name(TableReader& reader, std::string_view kind, std::vector<std::string>& taken);

}  // namespace roost

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
void read_domains(TableReader& root, ManagerConfig& config);
// The domain that this table's key `domain` names; the one that is always there where it names none.
uint8_t read_domain(TableReader& reader, const std::vector<ManagerConfig::Domain>& domains);
// After read_cores and read_domains; services after the latter.
void read_ports(TableReader& root, ManagerConfig& config);
// After read_ports: ports and chains name each other.
void read_services_and_chains(TableReader& root, ManagerConfig& config);
// The user that this table's key `user` names, if it does.
std::optional<User> read_user(TableReader& reader);
void read_control(TableReader& root, ManagerConfig::Control& control);
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

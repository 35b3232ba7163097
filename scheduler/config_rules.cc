// SPDX-License-Identifier: BSD-3-Clause
// Settings of the whole file that contradict each other: core/setting_rules.h has the rules.
#include <algorithm>

#include "core/setting_rules.h"
#include "scheduler/config_parts.h"

namespace roost {
namespace {

// The later of the two in this table; where neither is there, what they contradict is, and the table is named.
const toml::source_region& place_of(const SettingRule& rule, const toml::table& table) {
  const toml::source_region* place = nullptr;
  for (const Setting setting : {rule.one, rule.other}) {
    const auto given = table.find(setting_specs()[static_cast<size_t>(setting)].name);
    if (given == table.end()) continue;
    const toml::source_region& here = given->first.source();
    if (place == nullptr || place->begin < here.begin) place = &here;
  }
  return place == nullptr ? table.source() : *place;
}

void report(const std::vector<const SettingRule*>& broken, const SettingValues& values, const toml::table& table,
            const std::string& where, ConfigProblems& problems) {
  for (const SettingRule* rule : broken)
    if (rule->severity == Severity::refused)
      problems.add(place_of(*rule, table), "{}", conflict_text(*rule, values, where));
}

}  // namespace

void check_settings_together(const toml::table& file, const ManagerConfig& config, ConfigProblems& problems) {
  SettingValues managers(Settings(), config.memory.packets);
  const auto specs = setting_specs();
  for (size_t i = 0; i < specs.size(); ++i)
    if (const auto given = config.settings.find(std::string(specs[i].name)); given != config.settings.end())
      managers.set(static_cast<Setting>(i), given->second);
  const toml::table* const settings = file["settings"].as_table();
  report(conflicts_in(managers), managers, settings == nullptr ? file : *settings, "", problems);
  const toml::array* const services = file["services"].as_array();
  size_t number = 0;
  for (size_t i = 0; services != nullptr && i < services->size(); ++i) {
    const toml::table* const service = (*services)[i].as_table();
    if (service == nullptr || number == config.services.size()) continue;  // a problem of its own
    const ManagerConfig::Service& read = config.services[number++];
    OwnSettings own;
    for (const auto& [name, value] : read.settings) own.set(Settings::find(name), value);
    const SettingValues values = managers.with(own);
    const toml::table* const table = (*service)["settings"].as_table();
    report(new_conflicts(managers, values), values, table == nullptr ? *service : *table,
           fmt::format(" of service '{}'", read.name), problems);
  }
}

}  // namespace roost

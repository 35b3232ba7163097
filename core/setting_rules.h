// SPDX-License-Identifier: BSD-3-Clause
// Settings that contradict each other. Each alone is in its range, but one asks for what the other forbids: such a pair
// is refused. Where one only makes the other do nothing, or little, that is said and done. The table in the source file
// is the one place of these rules.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/own_settings.h"
#include "core/settings.h"

namespace roost {

// The values that are in force together: the manager's, a service's or an NF's.
struct SettingValues {
  std::array<uint64_t, static_cast<size_t>(Setting::count)> values{};
  uint64_t packets = 0;  // in the packet memory; 0: not known

  SettingValues(const Settings& settings, uint64_t packets_in_memory);
  // With those that a service or an NF has of its own.
  SettingValues with(const OwnSettings& own) const;

  uint64_t get(Setting setting) const noexcept { return values[static_cast<size_t>(setting)]; }
  void set(Setting setting, uint64_t value) noexcept { values[static_cast<size_t>(setting)] = value; }
};

enum class Severity : uint8_t { refused, warned };

struct SettingRule {
  Setting one, other;  // that contradict each other
  Severity severity;
  bool (*broken)(const SettingValues&);
  std::string (*why)(const SettingValues&);  // and the remedy
};
std::span<const SettingRule> setting_rules() noexcept;

// Both settings, their values, why they don't go together, and the remedy. `where`: " of service 'a'", or nothing.
std::string conflict_text(const SettingRule& rule, const SettingValues& values, const std::string& where = "");

// The rules that these values break.
std::vector<const SettingRule*> conflicts_in(const SettingValues& values);
// And the others didn't.
std::vector<const SettingRule*> new_conflicts(const SettingValues& before, const SettingValues& after);

}  // namespace roost

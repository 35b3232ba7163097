// SPDX-License-Identifier: BSD-3-Clause
#include "core/own_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace roost {
namespace {

size_t place_of(Setting setting) noexcept {
  const auto& all = OwnSettings::kSettings;
  return static_cast<size_t>(std::find(all.begin(), all.end(), setting) - all.begin());
}

}  // namespace

std::optional<uint32_t> OwnSettings::get(Setting setting) const noexcept {
  const size_t place = place_of(setting);
  return place < values_.size() ? values_[place] : std::nullopt;
}

void OwnSettings::set(Setting setting, std::optional<uint64_t> value) {
  const size_t place = place_of(setting);
  if (place == values_.size()) {
    std::vector<std::string_view> names;
    for (const Setting each : kSettings) names.push_back(setting_specs()[static_cast<size_t>(each)].name);
    fail("setting '{}' is the manager's alone; services and NFs can have their own {}",
         setting_specs()[static_cast<size_t>(setting)].name, fmt::join(names, ", "));
  }
  if (value) Settings::check(setting, *value);
  values_[place] = value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

OwnSettings OwnSettings::over(const OwnSettings& others) const noexcept {
  OwnSettings merged = *this;
  for (size_t i = 0; i < values_.size(); ++i)
    if (!merged.values_[i]) merged.values_[i] = others.values_[i];
  return merged;
}

}  // namespace roost

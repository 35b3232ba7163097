// SPDX-License-Identifier: BSD-3-Clause
// The values that a service, or an NF, has of its own, of the settings that allow it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/settings.h"

namespace roost {

class OwnSettings {
 public:
  static constexpr std::array kSettings{Setting::wake_packets, Setting::wake_deadline_us, Setting::sojourn_target_us,
                                        Setting::spin_us,      Setting::burst_packets,    Setting::weight,
                                        Setting::resume_ms,    Setting::resume_most_ms,   Setting::restart_policy,
                                        Setting::restart_ms,   Setting::restart_most_ms};

  // Nothing: it has none of its own.
  std::optional<uint32_t> get(Setting setting) const noexcept;
  // Throws Error where the value is out of range, or the setting is the manager's alone. Nothing: takes it away.
  void set(Setting setting, std::optional<uint64_t> value);
  bool empty() const noexcept { return *this == OwnSettings(); }
  // These, and what they lack from `others`.
  OwnSettings over(const OwnSettings& others) const noexcept;

  bool operator==(const OwnSettings&) const noexcept = default;

 private:
  std::array<std::optional<uint32_t>, kSettings.size()> values_{};
};

}  // namespace roost

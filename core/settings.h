// SPDX-License-Identifier: BSD-3-Clause
// Run-time settings: every tunable of Roost, with unit, range, default and meaning, read and set while it runs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace roost {

enum class Setting : uint32_t {
  wake_packets,
  wake_deadline_us,
  sojourn_target_us,
  spin_us,
  spin_adaptive,
  gather_us,
  burst_packets,
  weight,
  run_policy,
  quantum_us,
  awake_max,
  wake_ahead,
  turn_us,
  share_policy,
  share_period_ms,
  priority_floor_percent,
  set_back,
  rebalance_ms,
  rebalance_margin_percent,
  core_check_ms,
  idle_us,
  idle_poll_us,
  rewake_us,
  inbox_slots,
  grant_packets,
  backpressure,
  buffer_alpha_percent,
  ecn_sojourn_us,
  flow_idle_s,
  drain_ms,
  sweep_rows,
  overrun_us,
  runaways_max,
  resume_ms,
  resume_most_ms,
  restart_policy,
  restart_ms,
  restart_most_ms,
  crashes_max,
  crash_window_s,
  connection_requests_per_s,
  role_requests_per_s,
  count
};

struct SettingSpec {
  std::string_view name;
  std::string_view unit;
  uint64_t least, most, standard;
  std::string_view meaning;
  bool by_nf = false;  // a service, and an NF, can have a value of its own
};

std::span<const SettingSpec> setting_specs() noexcept;

class Settings {
 public:
  Settings() noexcept;
  // Any thread.
  uint64_t get(Setting setting) const noexcept {
    return values_[static_cast<size_t>(setting)].load(std::memory_order_relaxed);
  }
  void set(Setting setting, uint64_t value);  // throws Error where the value is out of range
  void set(std::string_view name, uint64_t value);
  // Throws Error where the value is out of range.
  static void check(Setting setting, uint64_t value);
  // Throws Error for a name that isn't one (and suggests the nearest that is).
  static Setting find(std::string_view name);
  // Nothing, or why the value can't be set.
  static std::optional<std::string> problem(std::string_view name, int64_t value);

 private:
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Setting::count)> values_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/host_demands.h"

#include <algorithm>

namespace roost {
namespace {

constexpr uint32_t kNoTarget = UINT32_MAX;  // 0, off, is laxer than any

}  // namespace

void HostDemands::Demand::change(std::optional<uint32_t> value, uint32_t count, bool come) {
  if (!value || count == 0) return;
  nfs = come ? nfs + count : nfs - count;
  uint32_t& of_value = nfs_by_value[*value];
  of_value = come ? of_value + count : of_value - count;
  if (of_value == 0) nfs_by_value.erase(*value);
}

std::optional<uint32_t> HostDemands::Demand::pick(bool least, uint32_t all_nfs, uint64_t managers) const {
  if (nfs == 0) return std::nullopt;
  const uint32_t own = least ? nfs_by_value.begin()->first : nfs_by_value.rbegin()->first;
  if (nfs == all_nfs) return own;
  const auto others = static_cast<uint32_t>(managers);
  return least ? std::min(own, others) : std::max(own, others);
}

void HostDemands::change(const OwnSettings& settings, uint32_t nfs, bool come) {
  if (settings.empty()) return;
  wake_packets_.change(settings.get(Setting::wake_packets), nfs, come);
  wake_deadline_us_.change(settings.get(Setting::wake_deadline_us), nfs, come);
  spin_us_.change(settings.get(Setting::spin_us), nfs, come);
  if (const auto target = settings.get(Setting::sojourn_target_us))
    sojourn_target_us_.change(*target == 0 ? kNoTarget : *target, nfs, come);
  if (settings.get(Setting::burst_packets)) own_bursts_ = come ? own_bursts_ + nfs : own_bursts_ - nfs;
}

void HostDemands::add(const OwnSettings& settings, uint32_t nfs) { change(settings, nfs, true); }

void HostDemands::remove(const OwnSettings& settings, uint32_t nfs) { change(settings, nfs, false); }

HostSettings HostDemands::strictest(uint32_t nfs, const Settings& managers) const {
  const uint64_t managers_target = managers.get(Setting::sojourn_target_us);
  auto target = sojourn_target_us_.pick(true, nfs, managers_target == 0 ? kNoTarget : managers_target);
  if (target == kNoTarget) target = 0;
  return {wake_packets_.pick(true, nfs, managers.get(Setting::wake_packets)),
          wake_deadline_us_.pick(true, nfs, managers.get(Setting::wake_deadline_us)),
          spin_us_.pick(false, nfs, managers.get(Setting::spin_us)), own_bursts_ != 0, target};
}

}  // namespace roost

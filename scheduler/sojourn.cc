// SPDX-License-Identifier: BSD-3-Clause
// Workers whose thresholds follow the load, since a target is set for the time that packets spend here: what is
// measured for it, and where the answer goes. A worker without a target has none of this.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {

const SojournControl* DataLoop::control_of(uint32_t host) const noexcept {
  return hosts_[host] ? hosts_[host]->control.get() : nullptr;
}

// After what it depends on may have changed: its target, and the smallest of its inboxes. One that waits for half of an
// inbox loses nothing even where all packets are for one NF.
void DataLoop::renew_control(HostState& host) {
  const uint64_t target_us =
      host.settings.sojourn_target_us.value_or(static_cast<uint32_t>(settings_.get(Setting::sojourn_target_us)));
  if (target_us == 0) return host.control.reset();
  const SojournOptions options{.target_cycles = clock_.from_us(target_us),
                               .hz = clock_.hz(),
                               .packets_most = std::max(1U, host.inbox_slots_least / 2)};
  if (!host.control || host.control->options() != options)
    host.control = std::make_unique<SojournControl>(options, tsc_now());
  give_thresholds(host);
}

// The worker asks by the same thresholds before it sleeps; of the deadline it is whether there is one that counts.
void DataLoop::give_thresholds(HostState& host) noexcept {
  const WakeThreshold threshold = host.control->threshold();
  auto& orders = host.region.worker().orders;
  orders.wake_packets.store(static_cast<uint32_t>(threshold.packets), std::memory_order_relaxed);
  const uint64_t deadline_us = threshold.deadline_cycles * 1'000'000 / clock_.hz();
  orders.wake_deadline_us.store(static_cast<uint32_t>(deadline_us), std::memory_order_relaxed);
}

// What has come back from the host, before it is taken: packets, from when they arrived. One in the middle of its chain
// may have used up the part of the target that it has hops behind it: so each worker along the chain holds its own.
void DataLoop::note_sojourns(HostState& host, uint32_t count) noexcept {
  SojournControl& control = *host.control;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t handle = came_[i].handle;
    if (!pool_.valid(handle) || !ledger_.owns(handle, host.owner) || ledger_.row(handle).part != Part::head) continue;
    const LedgerRow& row = ledger_.row(handle);
    uint64_t sojourn = now_ - std::min(now_, row.stamp_tsc);
    const uint32_t hops_behind = uint32_t{row.way.hop} + row.way.granted;
    if (row.way.goes_on && hops_behind != 0) sojourn = sojourn * paths_.hops(row.way.path) / hops_behind;
    control.saw(sojourn);
  }
  if (!control.adjust(now_)) return;
  counters_.thresholds_changed.add(1);
  give_thresholds(host);
}

}  // namespace roost

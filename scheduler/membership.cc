// SPDX-License-Identifier: BSD-3-Clause
// NFs and hosts that come and go, as the loop sees it. What takes long is cut into pieces by the callers or by turns.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {

void DataLoop::add_host(std::unique_ptr<HostState> host) {
  const uint32_t id = host->id;
  add_to_core(*host);
  HostState& placed = *(hosts_[id] = std::move(host));
  placed.live = true;
  placed.owner = Owner::host(id, placed.generation);
  give_orders(placed);
  enter_awake(placed);  // it comes up by itself, and announces when it has nothing to do
  give_orders(cores_[placed.core]);
}

void DataLoop::remove_host(uint32_t id, std::function<void()> done) {
  HostState& host = *hosts_[id];
  host.live = false;
  if (!host.parked) leave_awake(host);
  wheel_.disarm(id);
  remove_from_core(host);
  departed_.push_back({id, wake_thread_ == nullptr ? 0 : wake_thread_->handed_over(number_), std::move(done)});
}

void DataLoop::add_nfs(uint32_t first, uint32_t count, uint16_t service, uint32_t host_id, uint32_t local,
                       uint8_t slot_shift) {
  HostState& host = *hosts_[host_id];
  ++births_;
  inbox_slots_most_ = std::max(inbox_slots_most_, 1U << slot_shift);
  if (1U << slot_shift < host.inbox_slots_least) {
    host.inbox_slots_least = 1U << slot_shift;
    renew_control(host);
  }
  look_at_pool();
  raise_priority(host, services_[service].priority);
  for (uint32_t i = 0; i < count; ++i) {
    NfState& nf = *new (&nfs_[first + i]) NfState{};
    nf.inbox.consumed = &host.region.nf(local + i).consumed;
    nf.inbox.shift = slot_shift;
    nf.host = host_id;
    nf.local = local + i;
    nf.service = service;
    nf.born = births_;
    nf.life = NfLife::live;
    services_[service].members.add(first + i);
  }
}

void DataLoop::drain_nfs(uint32_t first, uint32_t count) {
  for (uint32_t nf = first; nf < first + count; ++nf) {
    if (nfs_[nf].life != NfLife::live) continue;
    nfs_[nf].life = NfLife::draining;
    services_[nfs_[nf].service].members.remove(nf);
  }
}

void DataLoop::retire_nfs(uint32_t first, uint32_t count) {
  for (uint32_t nf = first; nf < first + count; ++nf) {
    if (nfs_[nf].life == NfLife::quarantined) nfs_[nf].life = NfLife::held;
    if (!takes_packets(nfs_[nf].life)) continue;
    nfs_[nf].life = NfLife::leaving;
    services_[nfs_[nf].service].members.remove(nf);
  }
  ++departures_;  // flows look again, each at its next packet
}

void DataLoop::restore_nfs(uint32_t first, uint32_t count) {
  for (uint32_t nf = first; nf < first + count; ++nf) {
    if (nfs_[nf].life == NfLife::held) nfs_[nf].life = NfLife::quarantined;
    if (nfs_[nf].life != NfLife::leaving) continue;
    nfs_[nf].life = NfLife::live;
    services_[nfs_[nf].service].members.add(nf);
  }
  ++departures_;  // paths that were found to lack them are looked at again
}

void DataLoop::forget_nfs(uint32_t first, uint32_t count) {
  for (uint32_t nf = first; nf < first + count; ++nf) nfs_[nf].life = NfLife::absent;
}

void DataLoop::give_up_row(uint32_t handle, DropCause cause) noexcept {
  LedgerRow& row = ledger_.row(handle);
  const Part part = row.part;
  ledger_.take_back(handle);
  if (part == Part::head) {
    paths_.arrive(row.epoch);
    counters_.dropped[static_cast<size_t>(cause)].add(1);
  }
  reset_view(handle);       // its host ended in the middle of whatever it did with it
  row.packet->nb_segs = 1;  // each segment is freed by its own row
  row.packet->next = nullptr;
  rte_pktmbuf_free(row.packet);
}

// A few rows a turn.
void DataLoop::sweep() noexcept {
  busy_ = true;
  if (swept_for_.empty()) {
    swept_for_.swap(departed_);
    sweep_row_ = 0;
    for (const DepartedHost& each : swept_for_) hosts_[each.host]->swept_for = true;
  }
  const auto rows = static_cast<uint32_t>(settings_.get(Setting::sweep_rows));
  const uint32_t end = std::min(sweep_row_ + rows, ledger_.size());
  for (uint32_t handle = sweep_row_; handle < end; ++handle) {
    const Owner owner = ledger_.row(handle).owner;
    if (owner != Owner{} && hosts_[owner.id()]->swept_for) give_up_row(handle, DropCause::host_died);
  }
  sweep_row_ = end;
  // The last of them has the latest wake-ups.
  if (end != ledger_.size() || (wake_thread_ != nullptr && !wake_thread_->has_rung(swept_for_.back().wakes, number_)))
    return;
  for (const DepartedHost& each : swept_for_) {
    hosts_[each.host].reset();
    if (each.done) each.done();
  }
  swept_for_.clear();
}

// A worker that isn't parked may have looked already, and be about to sleep: it is woken once more when it is.
void DataLoop::want_up(uint32_t id) noexcept {
  HostState* const host = hosts_[id].get();
  if (host != nullptr && !want_core(*host)) host->wanted = true;
}

// Settings that workers read are in their own memory; set ones reach them here.
void DataLoop::refresh_orders() noexcept {
  read_settings();
  renew_queues();
  read_placement();
  for (auto& host : hosts_)
    if (host && host->live) give_orders(*host);
}

// Settings that packet code reads.
void DataLoop::read_settings() noexcept {
  wakes_ahead_ = settings_.get(Setting::wake_ahead) != 0;
  holds_back_ = settings_.get(Setting::backpressure) != 0;
  share_.alpha_percent = static_cast<uint32_t>(settings_.get(Setting::buffer_alpha_percent));
  look_at_pool();
  const uint64_t late_us = settings_.get(Setting::ecn_sojourn_us);
  ecn_sojourn_cycles_ = late_us == 0 ? UINT64_MAX : clock_.from_us(late_us);
}

void DataLoop::give_orders(HostState& host) noexcept {
  auto& orders = host.region.worker().orders;
  const auto set = [this](auto& order, Setting setting, std::optional<uint32_t> own = std::nullopt) {
    using Value = typename std::remove_reference_t<decltype(order)>::value_type;
    order.store(static_cast<Value>(own.value_or(settings_.get(setting))), std::memory_order_relaxed);
  };
  const HostSettings& own = host.settings;
  set(orders.wake_packets, Setting::wake_packets, own.wake_packets);
  set(orders.wake_deadline_us, Setting::wake_deadline_us, own.wake_deadline_us);
  set(orders.spin_us, Setting::spin_us, own.spin_us);
  set(orders.gather_us, Setting::gather_us);
  set(orders.burst_packets, Setting::burst_packets);
  set(orders.spin_adaptive, Setting::spin_adaptive);
  set(orders.weight, Setting::weight);
  set(orders.run_policy, Setting::run_policy);
  set(orders.quantum_us, Setting::quantum_us);
  orders.own_bursts.store(own.own_bursts, std::memory_order_relaxed);
  renew_control(host);
}

void DataLoop::set_host(uint32_t id, uint32_t weight, const HostSettings& settings) noexcept {
  if (!hosts_[id]) return;  // it has gone
  HostState& host = *hosts_[id];
  host.weight = weight;
  weigh(host);
  if (host.settings == settings) return;
  host.settings = settings;
  give_orders(host);
  if (host.since_tsc != 0) want_core(host);  // packets wait, by what counted before
}

}  // namespace roost

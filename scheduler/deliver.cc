// SPDX-License-Identifier: BSD-3-Clause
// Packets into the inboxes of workers. What cannot be finished is refused here, at the chain's entry; in the middle of
// a chain a packet waits for room, and what would follow it is refused at the entry meanwhile. (With `backpressure` 0
// it is dropped there instead.)
#include <algorithm>
#include <utility>

#include "scheduler/data_loop.h"

namespace roost {

// The hand-off: the packet, its row filled in, becomes the host's. There is room for its segments.
inline void DataLoop::place(HostState& host, NfState& nf, uint32_t handle) noexcept {
  LedgerRow& row = ledger_.row(handle);
  const Way& way = row.way;
  rte_mbuf* const packet = row.packet;
  row.next_segment = 0;
  ledger_.give(handle, host.owner, Part::head);
  Descriptor d{handle,           packet->data_off,
               packet->data_len, PathRef::at(way.path, way.hop).word,
               row.in_port,      way.granted == 1 ? Descriptor::kLastHop : uint8_t{0},
               nf.local};
  if (packet->nb_segs > 1) [[unlikely]]
    d = place_segments(nf, host, packet, d);
  host.inbox.stage(d);
  __builtin_prefetch(&host.inbox.slot(15), 1);  // which the worker has read last
  nf.inbox.use();
  nf.delivered.store(nf.delivered.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  ++host.delivered;
  if (!host.touched) {
    host.touched = true;
    touched_.push_back(&host);
  }
  if (way.goes_on && wakes_ahead_) host.ahead_host = nfs_[paths_.nf(way.path, uint32_t{way.hop} + way.granted)].host;
  ++placed_;
}

// Looks at a host's cursor. One that no honest host writes is a breach, and gets the host killed.
bool DataLoop::refresh(HostState& host, RingRoom& room) noexcept {
  if (room.refresh()) return true;
  breach(host, Breach::cursor);
  return false;
}

// In the worker's inbox, and in the NF's part of it.
inline bool DataLoop::has_room(HostState& host, NfState& nf, uint32_t segments) noexcept {
  const auto in = [&](RingRoom& room) {
    return room.room() >= segments || (refresh(host, room) && room.room() >= segments);
  };
  return in(nf.inbox) && in(host.inbox);
}

// Asks for what deliver() will write to: with many NFs each packet goes to lines that have gone cold, or that the
// worker has read last, and they arrive while the loop collects.
void DataLoop::prepare(Batch& batch) noexcept {
  for (uint32_t i = 0; i < batch.count; ++i) {
    if (batch.flows[i] == nullptr) continue;
    batch.handles[i] = PacketPool::handle_of(batch.packets[i]);
    __builtin_prefetch(&ledger_.row(batch.handles[i]), 1);
    __builtin_prefetch(&nfs_[batch.flows[i]->way.nf], 1);
  }
}

void DataLoop::look_at_pool() noexcept {
  share_limit_ = share_.limit(pool_.free_here(share_domain_));
  share_easy_ = buffer_left(share_limit_, inbox_slots_most_);
}

// A host sees nothing of what lies in another domain's memory.
inline bool DataLoop::is_abroad(uint32_t handle, const HostState& host) const noexcept {
  return borders_ && pool_.domain_of(handle) != host.domain;
}

void DataLoop::deliver(Batch& batch) noexcept {
  bool waits = false;  // anything in the middle of its chain
  if (batch.count != 0) {
    look_at_pool();
    waits = holds_back_ && (!backlogged_.empty() || (end_ != nullptr && end_->links().anyone_waits()));
  }
  for (uint32_t i = 0; i < batch.count; ++i) {
    if (batch.flows[i] == nullptr) continue;
    const FlowEntry& flow = *batch.flows[i];
    NfState& nf = nfs_[flow.way.nf];
    if (waits && !admits(flow.way.path)) {
      ++hosts_[nf.host]->refused;
      refuse(batch.packets[i], DropCause::backpressure);
      continue;
    }
    HostState& host = *hosts_[nf.host];
    look_at_pool_of(host.domain);
    if (host.owned() >= share_easy_ && !within_share(host, nf)) [[unlikely]] {
      if (host.elsewhere != HostState::kHere) {
        hand_over(batch, i, host.elsewhere);
        continue;
      }
      ++host.refused;
      refuse(batch.packets[i], DropCause::buffer_share);
      continue;
    }
    const uint32_t segments = segments_of(batch.packets[i]);
    if (!has_room(host, nf, segments)) {
      ++host.refused;
      refuse(batch.packets[i], segments > nf.inbox.room_surely() ? DropCause::too_long : DropCause::inbox_full);
      continue;
    }
    rte_mbuf* packet = batch.packets[i];
    uint32_t handle = batch.handles[i];
    if (is_abroad(handle, host)) [[unlikely]] {
      packet = cross(packet, host.domain);
      if (packet == nullptr) {
        ++host.refused;
        refuse(batch.packets[i], DropCause::domain_full);
        continue;
      }
      handle = PacketPool::handle_of(packet);
    }
    LedgerRow& row = ledger_.row(handle);
    row.way = flow.way;
    row.packet = packet;
    row.stamp_tsc = batch.stamps[i];
    row.flow_hash = batch.hashes[i];
    row.in_port = batch.port;
    row.epoch = paths_.depart();
    place(host, nf, handle);
  }
  batch.count = 0;
}

// From another loop, with its row filled in: the same questions as above.
void DataLoop::enter(uint32_t handle, bool waits) noexcept {
  LedgerRow& row = ledger_.row(handle);
  if (!intact(row.way.path)) {
    DropCause cause = DropCause::no_nf;
    const uint32_t path = find_path(paths_.chain(row.way.path), row.flow_hash, row.way.path, cause);
    if (path == kNoPath) return refuse(row.packet, cause);
    paths_.release(path);
    row.way.path = path;
  }
  row.way = way_at(row.way.path, row.way.hop, row.way.out_port);
  NfState& nf = nfs_[row.way.nf];
  HostState& host = *hosts_[nf.host];
  if (host.elsewhere != HostState::kHere) {  // the NF that it was handed over for has gone meanwhile
    if (!end_->has_room_at_entry(host.elsewhere)) return refuse(row.packet, DropCause::loop_full);
    row.epoch = paths_.depart();
    return hand_over(row, host.elsewhere, HandOver::Kind::enters);
  }
  const uint32_t segments = segments_of(row.packet);
  uint32_t there = handle;
  DropCause cause = DropCause::count;
  look_at_pool_of(host.domain);
  if (waits && !admits(row.way.path))
    cause = DropCause::backpressure;
  else if (host.owned() >= share_easy_ && !within_share(host, nf))
    cause = DropCause::buffer_share;
  else if (!has_room(host, nf, segments))
    cause = segments > nf.inbox.room_surely() ? DropCause::too_long : DropCause::inbox_full;
  else if (is_abroad(handle, host) && (there = moved_abroad(handle, host.domain)) == kNoHandle)
    cause = DropCause::domain_full;
  if (cause != DropCause::count) {
    ++host.refused;
    return refuse(row.packet, cause);
  }
  ledger_.row(there).epoch = paths_.depart();
  place(host, nf, there);
}

// Whether the NF may have one more packet, by what its host has and by what waits in its inbox. One that is at home
// with another loop gets none from this one.
bool DataLoop::within_share(HostState& host, NfState& nf) noexcept {
  if (host.elsewhere != HostState::kHere) return false;
  const uint32_t most = buffer_left(share_limit_, host.owned());
  const auto waiting = [&nf] { return nf.inbox.capacity() - nf.inbox.room(); };
  return waiting() < most || (most != 0 && refresh(host, nf.inbox) && waiting() < most);
}

// The same for a packet in the middle of its chain, which takes no packet from the pool, but at a border: so that it is
// never stuck there for want of free ones, a host may have a burst in any case.
bool DataLoop::may_go_on(HostState& host, NfState& nf) noexcept {
  if (host.owned() < kBurst) return true;
  look_at_pool_of(host.domain);
  return host.owned() < share_easy_ || within_share(host, nf);
}

// Whether the flow's chain can take more: none of its NFs has a backlog.
bool DataLoop::admits(uint32_t path) const noexcept {
  if (end_ != nullptr) return admitted_by_all(path);
  for (uint32_t hop = 0; hop < paths_.hops(path); ++hop)
    if (nfs_[paths_.nf(path, hop)].backlog_count != 0) return false;
  return true;
}

// All segments but the last, whose descriptor is returned.
Descriptor DataLoop::place_segments(NfState& nf, HostState& host, const rte_mbuf* packet, Descriptor d) noexcept {
  for (rte_mbuf* segment = packet->next; segment != nullptr; segment = segment->next) {
    const uint32_t further = PacketPool::handle_of(segment);
    --host.settled;
    ledger_.row(d.handle).next_segment = further + 1;
    Descriptor before = d;
    before.flags |= Descriptor::kMoreSegments;
    host.inbox.stage(before);
    nf.inbox.use();
    d.handle = further;
    d.data_offset = segment->data_off;
    d.data_bytes = segment->data_len;
    LedgerRow& row = ledger_.row(further);
    row.packet = segment;
    row.next_segment = 0;
    ledger_.give(further, host.owner, Part::segment);
  }
  return d;
}

// What was placed in this turn is the workers' to take; behind one full fence for all of them, those that sleep are
// considered.
void DataLoop::announce() noexcept {
  if (touched_.empty()) return;
  for (HostState* host : touched_) {
    host->region.worker().orders.delivered.store(host->delivered, std::memory_order_release);
    host->inbox.publish();
  }
  full_fence();
  counters_.delivered.add(std::exchange(placed_, 0));
  for (HostState* host : touched_) {
    host->touched = false;
    consider(*host);
  }
  if (wakes_ahead_)
    for (HostState* host : touched_) consider_ahead(*host);
  touched_.clear();
}

// A packet in the middle of its chain: on to the NF of its next hop.
void DataLoop::advance(uint32_t handle) noexcept {
  LedgerRow& row = ledger_.row(handle);
  uint32_t path = row.way.path;
  if (!intact(path)) {
    DropCause cause = DropCause::no_nf;
    path = find_path(paths_.chain(path), row.flow_hash, path, cause);
    if (path == kNoPath) return drop(row.packet, cause);
    paths_.release(path);  // no flow's; it stays until this packet and its fellows are back
    row.epoch = paths_.epoch();
  }
  row.way = way_at(path, row.way.hop, row.way.out_port);
  NfState& nf = nfs_[row.way.nf];
  const uint32_t segments = segments_of(row.packet);
  if (segments > nf.inbox.room_surely()) return drop(row.packet, DropCause::too_long);
  paths_.depart_again(row.epoch);  // counted while it waits, too
  HostState& host = *hosts_[nf.host];
  if (nf.backlog_count != 0 || !may_go_on(host, nf) || !has_room(host, nf, segments)) {
    if (holds_back_ || host.elsewhere != HostState::kHere) return hold_back(host, nf, handle);
    paths_.arrive(row.epoch);
    return drop(row.packet, DropCause::inbox_full);
  }
  if (is_abroad(handle, host)) [[unlikely]]
    handle = cross_midway(handle, host.domain);
  if (handle != kNoHandle) place(host, nf, handle);
}

void DataLoop::add_to_backlog(NfState& nf, uint32_t nf_id, uint32_t handle) noexcept {
  ledger_.row(handle).backlog_next = 0;
  (nf.backlog_count++ == 0 ? nf.backlog_first : ledger_.row(nf.backlog_last - 1).backlog_next) = handle + 1;
  nf.backlog_last = handle + 1;
  if (nf.backlog_count != 1) return;
  backlogged_.push_back(nf_id);
  if (end_ != nullptr) end_->links().say_backlog(number_, nf_id, true);
}

// As much of each NF's list as its inbox now takes; in order.
void DataLoop::deliver_backlogs() noexcept {
  look_at_pool();
  for (size_t i = 0; i < backlogged_.size();) {
    const uint32_t nf_id = backlogged_[i];
    NfState& nf = nfs_[nf_id];
    HostState& host = *hosts_[nf.host];
    while (nf.backlog_count != 0) {
      uint32_t handle = nf.backlog_first - 1;
      LedgerRow& row = ledger_.row(handle);
      const bool gone = !takes_packets(nf.life);
      if (!gone && (!has_room(host, nf, segments_of(row.packet)) || !may_go_on(host, nf))) break;
      nf.backlog_first = row.backlog_next;
      --nf.backlog_count;
      if (gone) {
        paths_.arrive(row.epoch);
        advance(handle);  // finds another NF of the service
      } else {
        if (is_abroad(handle, host)) [[unlikely]]
          handle = cross_midway(handle, host.domain);
        if (handle != kNoHandle) place(host, nf, handle);
      }
    }
    if (nf.backlog_count == 0) {
      if (end_ != nullptr) end_->links().say_backlog(number_, nf_id, false);
      backlogged_[i] = backlogged_.back();
      backlogged_.pop_back();
    } else {
      ++i;
    }
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What comes back from hosts. Each descriptor is read once and believed only as far as the ledger bears it out.
#include "scheduler/data_loop.h"

namespace roost {
// Visits the workers that are up, and no others.
void DataLoop::collect() noexcept {
  if (!awake_.empty()) now_ = tsc_now();  // what leaves now is as late as this
  // A host that announces again and again as fast as it is woken does not hold the loop here.
  size_t visits = 2 * awake_.size();
  for (size_t i = 0; i < awake_.size() && visits != 0; --visits) {
    HostState& host = *awake_[i];
    const uint32_t collected = collect_from(host);
    if (collected != 0) busy_ = true;
    // Asked in this order: what an announced worker has pushed, it pushed before.
    if (collected == 0 && host.region.worker().bell.announced() && park(host)) {
      // It was up once more in between, and left no more than its outbox holds; one that never ends is not waited for.
      for (uint32_t left = host.outbox.capacity(), came = 0; left != 0 && (came = collect_from(host)) != 0;
           left -= std::min(left, came))
        continue;
      continue;  // another worker has its place in the list
    }
    ++i;
  }
  if (!backlogged_.empty()) deliver_backlogs();
}

uint32_t DataLoop::collect_from(HostState& host) noexcept {
  Descriptor* const came = came_.data();
  uint32_t count = 0, whole = 0;
  while (count < kCollect || (whole != count && count < kCollect + kSegmentsMax)) {
    if (!host.outbox.pop(came[count])) break;
    if (pool_.valid(came[count].handle)) __builtin_prefetch(&ledger_.row(came[count].handle), 1);
    if ((came[count++].flags & Descriptor::kMoreSegments) == 0) whole = count;
  }
  if (whole == 0 && count == kCollect + kSegmentsMax) {
    whole = count;  // a packet of that many segments is none; its parts are taken for what they are
    breach(host, Breach::segments);
  }
  host.outbox.position -= count - whole;  // the rest of the last packet is still to come
  host.outbox.publish();
  for (uint32_t i = 0; i < whole; ++i)
    if (pool_.valid(came[i].handle)) __builtin_prefetch(ledger_.row(came[i].handle).packet, 1);
  host.settled += whole;
  if (host.control && whole != 0) [[unlikely]]
    note_sojourns(host, whole);
  for (uint32_t i = 0; i < whole;) i += take_packet(host, came + i, whole - i);
  if (whole != 0) counters_.collected.add(whole);
  top_up_grants(host);
  return whole;
}

// Checks one segment, takes it back into the loop's hands and corrects the private mbuf. False: it is not this host's.
inline bool DataLoop::accept_segment(HostState& host, const Descriptor& d, rte_mbuf* packet) noexcept {
  packet->data_off = d.data_offset;
  packet->data_len = d.data_bytes;
  packet->pkt_len = d.data_bytes;
  packet->nb_segs = 1;
  LedgerRow& row = ledger_.row(d.handle);
  if (row.next_segment != 0) packet->next = nullptr;  // in the mbuf's second line, which most packets can do without
  ledger_.take_back(d.handle);
  const Part part = row.part;
  if (part == Part::head) paths_.arrive(row.epoch);
  if (part == Part::granted) --host.granted;
  return uint32_t{d.data_offset} + d.data_bytes <= kBufferBytes;
}

// Nearly all that comes: one segment, sound, seen by all the NFs it was for, and on its way out. Returns how many
// descriptors the packet had.
inline uint32_t DataLoop::take_packet(HostState& host, const Descriptor* came, uint32_t count) noexcept {
  const Descriptor& d = *came;
  if ((d.flags & Descriptor::kMoreSegments) != 0 || !pool_.valid(d.handle) || !ledger_.owns(d.handle, host.owner) ||
      ledger_.row(d.handle).part != Part::head) [[unlikely]]
    return take_other_packet(host, came, count);
  LedgerRow& row = ledger_.row(d.handle);
  const Verdict verdict{d.word};
  if (!accept_segment(host, d, row.packet)) [[unlikely]]
    refuse_malformed(host, row.packet, Breach::frame);
  else if (verdict.kind() == Verdict::kNext && verdict.hops() == row.way.granted && !row.way.goes_on)
    send_out(d.handle, row.way.out_port);
  else
    route(host, d.handle, verdict);
  return 1;
}

void DataLoop::refuse_malformed(HostState& host, rte_mbuf* packet, Breach what) noexcept {
  breach(host, what);
  packet->data_off = kHeadroomBytes;
  drop(packet, DropCause::malformed);
}

// Any packet, with all its segments.
uint32_t DataLoop::take_other_packet(HostState& host, const Descriptor* came, uint32_t count) noexcept {
  rte_mbuf *head = nullptr, *tail = nullptr;
  uint32_t head_handle = kNoHandle, used = 0;
  bool sound = true, more = true;
  while (more && used < count) {
    const Descriptor& d = came[used++];
    more = (d.flags & Descriptor::kMoreSegments) != 0;
    if (!pool_.valid(d.handle) || !ledger_.owns(d.handle, host.owner)) {
      counters_.refused.add(1);
      --host.settled;
      breach(host, Breach::handle);
      continue;
    }
    rte_mbuf* const packet = ledger_.row(d.handle).packet;
    sound &= accept_segment(host, d, packet);
    if (head == nullptr) {
      head = tail = packet;
      head_handle = d.handle;
      continue;
    }
    if (ledger_.row(d.handle).part == Part::head) counters_.dropped[static_cast<size_t>(DropCause::merged)].add(1);
    tail->next = packet;
    tail = packet;
    ++head->nb_segs;
    head->pkt_len += packet->data_len;
  }
  if (head == nullptr) return used;
  const Verdict verdict{came[0].word};
  const Part part = ledger_.row(head_handle).part;
  if (part == Part::granted && verdict.kind() == Verdict::kDrop) {
    rte_pktmbuf_free(head);  // a packet that was granted and not wanted
    return used;
  }
  if (part != Part::head) {
    counters_.created.add(1);
    LedgerRow& row = ledger_.row(head_handle);
    row.way.out_port = UINT16_MAX;  // it has no chain
    row.flow_hash = head_handle;
    row.stamp_tsc = now_;  // a segment's row has that of an earlier packet
  }
  if (used > kSegmentsMax)
    refuse_malformed(host, head, Breach::segments);
  else if (!sound)
    refuse_malformed(host, head, Breach::frame);
  else
    route(host, head_handle, verdict);
  return used;
}

void DataLoop::route(HostState& host, uint32_t handle, Verdict verdict) noexcept {
  LedgerRow& row = ledger_.row(handle);
  switch (verdict.kind()) {
    case Verdict::kNext: {
      const uint32_t hops = verdict.hops();
      if (row.part != Part::head) return drop(row.packet, DropCause::no_way);
      if (hops == 0 || hops > row.way.granted) break;  // not a prefix of what it was granted
      if (hops == row.way.granted && !row.way.goes_on) return send_out(handle, row.way.out_port);
      row.way.hop = static_cast<uint8_t>(row.way.hop + hops);
      return advance(handle);
    }
    case Verdict::kOut:
      return send_out(handle, verdict.argument());
    case Verdict::kTo: {
      if (verdict.argument() >= services_.size()) return drop(row.packet, DropCause::bad_service);
      DropCause cause = DropCause::no_nf;
      const uint32_t path =
          find_path(static_cast<uint16_t>(kToService | verdict.argument()), row.flow_hash, kNoPath, cause);
      if (path == kNoPath) return drop(row.packet, cause);
      paths_.release(path);  // no flow's; it stays until this packet is back, for the next one to find
      row.way.path = path;
      row.way.hop = 0;
      row.epoch = paths_.epoch();
      return advance(handle);
    }
    case Verdict::kDrop: {
      // No hops: its worker returns it unseen (the NF may be back in service by now), or its NF has freed it. Of what
      // is no packet's head the row says nothing about an NF.
      const auto held = [&] {
        const NfLife life = nfs_[row.way.nf].life;
        return life == NfLife::quarantined || life == NfLife::held;
      };
      const bool unseen = row.part == Part::head && verdict.hops() == 0 && (verdict.argument() == kUnseen || held());
      return drop(row.packet, unseen ? DropCause::quarantined : DropCause::by_nf);
    }
    case Verdict::kKeep:
      break;
  }
  refuse_malformed(host, row.packet, Breach::verdict);
}

// Packets for this host's NFs to fill, as many as they asked for within the quota.
void DataLoop::top_up_grants(HostState& host) noexcept {
  const uint64_t asked = host.region.worker().grants_wanted.load(std::memory_order_relaxed);
  if (asked == 0) return;
  const uint64_t wanted = std::min<uint64_t>(asked, settings_.get(Setting::grant_packets));
  look_at_pool_of(host.domain);
  if (host.granted < wanted) look_at_pool();
  while (host.granted < wanted && buffer_left(share_limit_, host.owned()) != 0 &&
         (host.grants.room() != 0 || (refresh(host, host.grants) && host.grants.room() != 0))) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_.pool(host.domain));
    if (packet == nullptr) return;
    const uint32_t handle = PacketPool::handle_of(packet);
    LedgerRow& row = ledger_.row(handle);
    row = {};
    row.packet = packet;
    row.stamp_tsc = now_;
    row.way.out_port = UINT16_MAX;
    row.flow_hash = handle;
    ledger_.give(handle, host.owner, Part::granted);
    ++host.granted;
    --host.settled;
    host.grants.push({handle, static_cast<uint16_t>(kHeadroomBytes), 0, 0, 0, 0});
  }
}

}  // namespace roost

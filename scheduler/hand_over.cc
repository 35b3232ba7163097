// SPDX-License-Identifier: BSD-3-Clause
// Between data loops: packets whose next NF is at home with another loop, or whose port has its queues there. A loop
// that is alone has none of this; see loop_links.h.
#include <bit>

#include "scheduler/data_loop.h"

namespace roost {

// At the entry of its chain. The flow's path stays this loop's; the other one makes its own from it.
void DataLoop::hand_over(Batch& batch, uint32_t i, uint32_t to) noexcept {
  if (!end_->has_room_at_entry(to)) return refuse(batch.packets[i], DropCause::loop_full);
  const Way& way = batch.flows[i]->way;
  end_->put(to, {batch.packets[i], batch.stamps[i], way.path, batch.hashes[i], batch.port, way.out_port, way.hop,
                 paths_.depart(), HandOver::Kind::enters, 0});
  counters_.handed_over.add(1);
}

void DataLoop::hand_over(const LedgerRow& row, uint32_t to, HandOver::Kind kind) noexcept {
  end_->put(to, {row.packet, row.stamp_tsc, row.way.path, row.flow_hash, row.in_port, row.way.out_port, row.way.hop,
                 row.epoch, kind, 0});
  counters_.handed_over.add(1);
}

// In the middle of its chain, and its next NF can't have it now, or is at home with another loop.
void DataLoop::hold_back(const HostState& host, NfState& nf, uint32_t handle) noexcept {
  LedgerRow& row = ledger_.row(handle);
  const uint32_t to = host.elsewhere;
  if (to == HostState::kHere) return add_to_backlog(nf, row.way.nf, handle);
  LoopEnd::List& list = end_->list(to);
  if (list.count == 0 && end_->has_room(to)) return hand_over(row, to, HandOver::Kind::goes_on);
  row.backlog_next = 0;
  (list.count++ == 0 ? list.first : ledger_.row(list.last - 1).backlog_next) = handle + 1;
  list.last = handle + 1;
  if (list.count == 1) end_->links().say_full(number_, to, true);
}

// Out of a port that has no queue here. What can't go is dropped, as where a port takes no more; NFs have worked on it,
// so it may have the room that packets at the entry may not.
void DataLoop::hand_out(uint16_t port) noexcept {
  OutBatch& out = out_[port];
  const uint32_t to = end_->links().way_to(port, number_);
  for (uint32_t i = 0; i < out.count; ++i) {
    if (end_->list(to).count != 0 || !end_->has_room(to)) {
      drop(out.packets[i], DropCause::loop_full);
      continue;
    }
    end_->put(to, {out.packets[i], now_, 0, 0, 0, port, 0, 0, HandOver::Kind::leaves, 0});
    counters_.handed_over.add(1);
  }
  out.count = 0;
}

// At the end of a turn: what waited for room, as far as there is some now; and everybody who got something is up.
void DataLoop::flush_links() noexcept {
  LoopLinks& links = end_->links();
  for (uint32_t to = 0; to < links.loops(); ++to) {
    LoopEnd::List& list = end_->list(to);
    if (list.count == 0) continue;
    busy_ = true;
    while (list.count != 0 && end_->has_room(to)) {
      const LedgerRow& row = ledger_.row(list.first - 1);
      list.first = row.backlog_next;
      --list.count;
      hand_over(row, to, HandOver::Kind::goes_on);
    }
    if (list.count == 0) links.say_full(number_, to, false);
  }
  uint32_t got = end_->flush();
  if (got == 0) return;
  full_fence();
  for (; got != 0; got &= got - 1) links.loop(static_cast<uint32_t>(std::countr_zero(got))).rouse();
}

// What other loops have handed over, a bounded number a turn.
void DataLoop::take_over() noexcept {
  std::array<HandOver, kTakenOver> came;
  for (uint32_t from = 0; from < end_->links().loops(); ++from) {
    if (from == number_) continue;
    const uint32_t count = end_->take(from, came.data(), kTakenOver);
    if (count == 0) continue;
    busy_ = true;
    for (uint32_t i = 0; i < count; ++i) __builtin_prefetch(&ledger_.row(PacketPool::handle_of(came[i].packet)), 1);
    counters_.taken_over.add(count);
    look_at_pool();
    take_over(from, {came.data(), count});
  }
}

void DataLoop::take_over(uint32_t from, std::span<const HandOver> came) noexcept {
  std::array<uint64_t, 4> arrived{};
  uint32_t theirs = kNoPath, mine = kNoPath;  // as of the packet before: mostly it is the same
  const bool waits = holds_back_ && end_->links().anyone_waits();
  for (const HandOver& each : came) {
    if (each.kind == HandOver::Kind::leaves) {
      OutBatch& out = out_[each.out_port];
      out.packets[out.count++] = each.packet;
      if (out.count == OutBatch::kPackets) flush(each.out_port);
      continue;
    }
    if (each.path != theirs) mine = path_like(from, theirs = each.path);
    ++arrived[each.epoch & 3];
    if (mine == kNoPath) {
      each.kind == HandOver::Kind::enters ? refuse(each.packet, DropCause::no_path)
                                          : drop(each.packet, DropCause::no_path);
      continue;
    }
    const uint32_t handle = PacketPool::handle_of(each.packet);
    LedgerRow& row = ledger_.row(handle);
    row.way = {mine, kNoNf, each.out_port, each.hop, 0, false, {}};
    row.packet = each.packet;
    row.stamp_tsc = each.stamp_tsc;
    row.flow_hash = each.flow_hash;
    row.in_port = each.in_port;
    row.epoch = paths_.epoch();
    row.part = Part::head;
    each.kind == HandOver::Kind::enters ? enter(handle, waits) : advance(handle);
  }
  for (uint32_t epoch = 0; epoch < arrived.size(); ++epoch)
    if (arrived[epoch] != 0) end_->links().say_arrived(from, number_, epoch, arrived[epoch]);
}

// This loop's path along the same NFs. No flow's: it stays for as long as packets of this time are on their way.
uint32_t DataLoop::path_like(uint32_t from, uint32_t theirs) noexcept {
  const PathTable& table = end_->links().loop(from).paths_;
  std::array<PathTable::Hop, kHopsMax> hops;
  const uint32_t count = table.hops(theirs);
  for (uint32_t hop = 0; hop < count; ++hop) {
    const NfState& nf = nfs_[table.nf(theirs, hop)];
    hops[hop] = {table.nf(theirs, hop), nf.host, nf.local, table.born(theirs, hop)};
  }
  const uint32_t path = paths_.intern(table.chain(theirs), {hops.data(), count});
  if (path != kNoPath) paths_.release(path);
  return path;
}

// Whether the flow's chain can take more, wherever its NFs are at home.
bool DataLoop::admitted_by_all(uint32_t path) const noexcept {
  const LoopLinks& links = end_->links();
  for (uint32_t hop = 0; hop < paths_.hops(path); ++hop) {
    const uint32_t nf = paths_.nf(path, hop);
    const HostState& host = *hosts_[nfs_[nf].host];
    if (links.backlog_of(nf) || links.full_towards(host.elsewhere == HostState::kHere ? number_ : host.elsewhere))
      return false;
  }
  return true;
}

void DataLoop::add_nfs_elsewhere(uint32_t first, uint32_t count, uint16_t service, uint32_t loop) {
  ++births_;  // as at its home
  for (uint32_t nf_id = first; nf_id < first + count; ++nf_id) {
    NfState& nf = *new (&nfs_[nf_id]) NfState{};
    nf.inbox.shift = LoopEnd::kStandInShift;
    nf.host = stand_ins_ + loop;
    nf.service = service;
    nf.born = births_;
    nf.life = NfLife::live;
    services_[service].members.add(nf_id);
  }
}

// Hosts that stand for those of other loops own as much as there can be: nothing is delivered to them.
void DataLoop::link(LoopLinks& links) {
  links.chains = chain_table_;
  links.join(number_, *this);
  end_ = std::make_unique<LoopEnd>(links, number_);
  stand_ins_ = static_cast<uint32_t>(hosts_.size());
  for (uint32_t loop = 0; loop < links.loops(); ++loop) {
    auto host = std::make_unique<HostState>();
    host->settled = 1;
    host->elsewhere = loop;
    hosts_.push_back(std::move(host));
  }
}

}  // namespace roost

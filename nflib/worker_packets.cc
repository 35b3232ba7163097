// SPDX-License-Identifier: BSD-3-Clause
// The border as a worker sees it: inbox to queues and views; verdicts to the outbox, or to queues between hops.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/packet_memory.h"
#include "nflib/worker.h"

namespace roost {
namespace {

// Everything in the view's first cache line; the second holds what no delivery changes.
void write_view(rte_mbuf* view, const Descriptor& d, rte_mempool* pool) noexcept {
  view->buf_addr = packet_buffer(d.handle);
  view->data_off = d.data_offset;
  rte_mbuf_refcnt_set(view, 1);
  view->nb_segs = 1;
  view->port = d.port;
  view->ol_flags = 0;
  view->packet_type = 0;
  view->pkt_len = d.data_bytes;
  view->data_len = d.data_bytes;
  view->vlan_tci = 0;
  view->hash.rss = 0;
  view->vlan_tci_outer = 0;
  view->buf_len = kBufferBytes;
  view->pool = pool;
}

Descriptor unwanted(uint32_t handle) noexcept {
  Descriptor d;
  d.handle = handle;
  d.word = drop().with_hops(0).word;
  return d;
}

// A clone, or one with a buffer of the NF's, leaves as a copy: at the border every handle has its own bytes and one
// owner. False: an external buffer has more than a packet's can take.
bool take_bytes(rte_mbuf* segment) noexcept {
  const uint16_t bytes = segment->data_len;
  if (bytes > kBufferBytes) return false;
  const auto at = static_cast<uint16_t>(std::min(kHeadroomBytes, kBufferBytes - bytes));
  std::memcpy(packet_buffer(handle_at(segment)) + at, rte_pktmbuf_mtod(segment, void*), bytes);
  const uint32_t total = segment->pkt_len;
  rte_pktmbuf_detach(segment);
  segment->data_off = at;
  segment->data_len = bytes;
  segment->pkt_len = total;
  return true;
}

}  // namespace

// All that the manager has put into the inbox, each packet to the queue of its NF: whoever chooses among the NFs is to
// know of all that waits. One whose last segment the manager is still about to push stays.
void Worker::take_in() noexcept {
  static_assert(kSegmentsMax <= kBurstMax);
  Descriptor came[kBurstMax];
  uint32_t count = kBurstMax;
  for (uint32_t left = inbox_.capacity(); count == kBurstMax && left != 0; left -= std::min(left, count)) {
    uint32_t whole = 0;
    for (count = 0; count < kBurstMax && inbox_.pop(came[count]);) {
      __builtin_prefetch(&waiting_.of(came[count].nf), 1);
      if ((came[count++].flags & Descriptor::kMoreSegments) == 0) whole = count;
    }
    inbox_.position -= count - whole;
    count = whole;
    for (uint32_t i = 0; i < count; ++i) {
      waiting_.append(waiting_.of(came[i].nf), came[i]);
      queue_again(came[i].nf);
    }
  }
  inbox_.publish(true);
}

// Up to `most`: first what waits between hops, then what came. Returns whether more is there.
bool Worker::take_burst(Dispatch& burst, uint32_t most) noexcept {
  uint32_t n = 0, differ = 0;
  for (QueuedHop hop; n < most && queues_.pop(burst.nf, hop); ++n) {
    burst.packets[n] = Packet(hop.packet);
    burst.refs[n] = hop.ref;
    burst.hops[n] = hop.hops;
  }
  // Views and frames lie on many pages, and all has mostly gone cold: asked for at once, memory answers at once.
  PacketQueue& queue = waiting_.of(burst.nf);
  waiting_.look_ahead(queue, most - n, prefetch_packet);
  const uint32_t segments = queue.segments;
  for (; n < most && queue.packets != 0; ++n) {
    const Descriptor descriptor = waiting_.pop(queue);
    burst.packets[n] = Packet(make_view(descriptor, queue));
    burst.refs[n] = descriptor.word;
    burst.hops[n] = descriptor.flags & Descriptor::kLastHop ? kLastHop : 0;
    ++taken_;
  }
  // At once: where packets are short the manager goes by what waits. The line is written anyway.
  if (queue.segments != segments) {
    auto& consumed = region_.nf(burst.nf).consumed;
    consumed.store(consumed.load(std::memory_order_relaxed) + (segments - queue.segments), std::memory_order_release);
  }
  for (uint32_t i = 1; i < n; ++i) differ |= (burst.refs[i] ^ burst.refs[0]) | (burst.hops[i] ^ burst.hops[0]);
  burst.one_path = differ == 0;
  burst.count = n;
  for (; n % 4 != 0; ++n) burst.packets[n] = Packet();
  return burst.count == most && (queue.packets != 0 || !queues_.empty(burst.nf));
}

// The packet's view, with the views of its further segments, whose descriptors follow.
rte_mbuf* Worker::make_view(const Descriptor& first, PacketQueue& queue) noexcept {
  rte_mbuf* const head = packet_view(first.handle);
  write_view(head, first, pool_);
  if ((first.flags & Descriptor::kMoreSegments) == 0) return head;
  rte_mbuf* tail = head;
  for (bool more = true; more;) {
    const Descriptor segment = waiting_.pop(queue);
    rte_mbuf* const view = packet_view(segment.handle);
    write_view(view, segment, pool_);
    tail->next = view;
    tail = view;
    ++head->nb_segs;
    head->pkt_len += segment.data_bytes;
    more = (segment.flags & Descriptor::kMoreSegments) != 0;
  }
  tail->next = nullptr;
  return head;
}

// Packet by packet: to the outbox, or to the queue of its next NF.
void Worker::scatter(Dispatch& burst) noexcept {
  for (uint32_t i = 0; i < burst.count; ++i) {
    const Verdict verdict = burst.packets[i].verdict;
    const PathRef ref{burst.refs[i] + burst.moved};
    if (verdict != next() || (burst.hops[i] & kLastHop) != 0 || paths_.hop(ref.unit(), ref.hop()).run_ends()) {
      leave(burst, i, verdict);
      continue;
    }
    const uint32_t following = paths_.hop(ref.unit(), ref.hop() + 1).nf();
    const uint32_t state = following < region_.layout().nfs_max
                               ? region_.nf(following).state.load(std::memory_order_acquire)
                               : uint32_t{kNfAbsent};
    if (state == kNfAbsent || is_quarantined(state)) {
      leave(burst, i, verdict);  // that NF has gone; the manager finds another from here
      continue;
    }
    if (queues_.empty(following)) queue_again(following);
    queues_.append(following, {burst.packets[i].mbuf(), ref.word + 1, burst.hops[i] + burst.moved + 1});
  }
}

// All of it the same way: to the outbox, with the verdict next().
void Worker::leave(const Dispatch& burst) noexcept {
  for (uint32_t i = 0; i < burst.count; ++i) leave(burst, i, next());
}

void Worker::leave(const Dispatch& burst, uint32_t i, Verdict verdict) noexcept {
  const uint32_t hops = (burst.hops[i] & kHopsMask) + burst.moved + 1;
  if (verdict.kind() != Verdict::kKeep)
    emit(burst.packets[i].mbuf(), verdict.with_hops(hops));
  else if ((burst.hops[i] & kGone) == 0)
    burst.packets[i].mbuf()->hash.usr = hops;  // for when it is sent
}

// The NF gives it away while it has the burst that it came in.
void Worker::note_gone(const rte_mbuf* packet) noexcept {
  const Runaway* const lost = runaway_.load(std::memory_order_relaxed);
  Dispatch* burst = nullptr;
  if (lost != nullptr)
    burst = static_cast<Dispatch*>(lost->dispatch);
  else if (current() == this)
    burst = running_.load(std::memory_order_relaxed);
  if (burst == nullptr) return;
  for (uint32_t i = 0; i < burst->count; ++i)
    if (burst->packets[i].mbuf() == packet) burst->hops[i] |= kGone;
}

// Of a packet that the NF sends in the dispatch in which it came. The manager doesn't ask it of one that the NF made.
uint32_t Worker::hops_of(const Dispatch& burst, const rte_mbuf* packet) noexcept {
  uint32_t i = 0;
  while (!burst.one_path && i + 1 < burst.count && burst.packets[i].mbuf() != packet) ++i;
  return (burst.hops[i] & kHopsMask) + burst.moved + 1;
}

void Worker::send(rte_mbuf* packet, Verdict verdict) noexcept {
  const Inside inside(*this);
  if (!inside.driver()) return rte_pktmbuf_free(packet);  // start() or a destructor; the outbox has one writer
  uint32_t hops = packet->hash.usr;
  if (hops == 0) {  // not kept before
    hops = hops_of(*running_.load(std::memory_order_relaxed), packet);
    note_gone(packet);
  }
  emit(packet, verdict.with_hops(hops));
}

// Gives a packet to the manager, segment by segment; from here on it isn't ours.
void Worker::emit(rte_mbuf* packet, Verdict verdict) noexcept {
  if (packet->nb_segs > kSegmentsMax) [[unlikely]]
    return rte_pktmbuf_free(packet);
  for (rte_mbuf* segment = packet; segment != nullptr; segment = packet->nb_segs > 1 ? segment->next : nullptr)
    if (!RTE_MBUF_DIRECT(segment) && !take_bytes(segment)) [[unlikely]]
      return rte_pktmbuf_free(packet);
  for (rte_mbuf* segment = packet; segment != nullptr;) {
    rte_mbuf* const following = packet->nb_segs > 1 ? segment->next : nullptr;
    Descriptor d;
    d.handle = handle_at(segment);
    d.data_offset = segment->data_off;
    d.data_bytes = segment->data_len;
    d.word = verdict.word;
    d.flags = following != nullptr ? Descriptor::kMoreSegments : 0;
    if (packet->nb_segs > 1) segment->next = nullptr;
    push_out(d);
    segment = following;
  }
}

void Worker::push_out(const Descriptor& descriptor) noexcept {
  while (outbox_.room() == 0) {
    // The manager empties the outboxes of workers that are up in every turn; its answer comes from memory it owns.
    outbox_.refresh();
    if (outbox_.room() != 0) break;
    ring_manager();
    if (stopping_.load(std::memory_order_relaxed)) {
      ++unsent_;
      return;
    }
    sched_yield();
  }
  outbox_.push(descriptor);
  // The manager has read these lines last; they come back while other packets are worked on.
  __builtin_prefetch(&outbox_.slot(15), 1);
  gave_ = true;
}

// Once a round: the manager sleeps where nothing comes, and looks at the outboxes again between its announcement and
// its sleep.
void Worker::ring_if_gave() noexcept {
  if (!gave_) return;
  gave_ = false;
  full_fence();
  ring_manager();
}

void Worker::ring_manager() noexcept {
  if (orders_.manager_asleep.load(std::memory_order_relaxed) == 0) return;
  const uint64_t one = 1;
  if (write(manager_eventfd_, &one, sizeof one) < 0) return;  // full: it is rung already
}

uint32_t Worker::take_granted() noexcept {
  const Inside inside(*this);
  if (!inside.driver()) return kNoHandle;  // start() and destructors run elsewhere
  Descriptor descriptor;
  if (!grants_.pop(descriptor)) return kNoHandle;
  grants_.publish(true);
  return descriptor.handle;
}

void Worker::give_back(uint32_t handle) noexcept {
  const Inside inside(*this);
  note_gone(packet_view(handle));
  if (!inside.driver()) {  // the outbox has one writer: a destructor leaves the packet to it
    uint32_t& link = packet_view(handle)->hash.usr;
    link = returned_.load(std::memory_order_relaxed);
    while (!returned_.compare_exchange_weak(link, handle, std::memory_order_release)) continue;
    return;
  }
  push_out(unwanted(handle));
}

void Worker::take_returned() noexcept {
  uint32_t handle = returned_.exchange(kNoHandle, std::memory_order_acquire);
  while (handle != kNoHandle) {
    const uint32_t following = packet_view(handle)->hash.usr;
    push_out(unwanted(handle));
    handle = following;
  }
}

void Worker::want_grants(uint32_t count) noexcept {
  region_.worker().grants_wanted.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace roost

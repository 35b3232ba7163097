// SPDX-License-Identifier: BSD-3-Clause
#if defined(__SANITIZE_THREAD__)
#define RTE_USE_C11_MEM_MODEL 1  // on x86, rte_ring has compiler barriers where the sanitizer would see atomics
#endif
#include "scheduler/loop_links.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <algorithm>

#include "core/error.h"

namespace roost {

LoopLinks::LoopLinks(uint32_t loops, uint32_t nfs_max, uint32_t slots)
    : slots_(slots),
      loops_(loops, nullptr),
      pairs_(std::make_unique<Pair[]>(size_t{loops} * loops)),
      waits_(std::make_unique<Waits[]>(loops)),
      backlogs_(nfs_max) {
  const ssize_t bytes = rte_ring_get_memsize_elem(sizeof(HandOver), slots);
  if (bytes < 0) fail("rings between loops: {} slots: {}", slots, rte_strerror(static_cast<int>(-bytes)));
  for (uint32_t from = 0; from < loops; ++from)
    for (uint32_t to = 0; to < loops; ++to) {
      if (from == to) continue;
      memory_.emplace_back(static_cast<size_t>(bytes));
      auto* const ring = reinterpret_cast<rte_ring*>(&memory_.back()[0]);
      const std::string name = fmt::format("loop-{}-{}", from, to);
      if (rte_ring_init(ring, name.c_str(), slots, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
        fail("ring from loop {} to loop {}: it can't be made", from, to);
      pair(from, to).ring = ring;
    }
}

// Loops have ended in the middle of what they did: what they handed over nobody takes any more.
LoopLinks::~LoopLinks() {
  for (uint32_t from = 0; from < loops(); ++from)
    for (uint32_t to = 0; to < loops(); ++to) {
      HandOver left{};
      if (from == to) continue;
      while (rte_ring_sc_dequeue_elem(ring(from, to), &left, sizeof left) == 0) rte_pktmbuf_free(left.packet);
    }
}

void LoopLinks::count_list(uint32_t loop, bool waits) noexcept {
  auto& lists = waits_[loop].lists;
  lists.store(lists.load(std::memory_order_relaxed) + (waits ? 1U : -1U), std::memory_order_relaxed);
}

void LoopLinks::say_backlog(uint32_t loop, uint32_t nf, bool waits) noexcept {
  backlogs_[nf].store(waits ? 1 : 0, std::memory_order_relaxed);
  count_list(loop, waits);
}

void LoopLinks::say_full(uint32_t from, uint32_t to, bool waits) noexcept {
  pair(from, to).full.store(waits, std::memory_order_relaxed);
  count_list(from, waits);
}

bool LoopLinks::full_towards(uint32_t to) const noexcept {
  for (uint32_t from = 0; from < loops(); ++from)
    if (pair(from, to).full.load(std::memory_order_relaxed)) return true;
  return false;
}

bool LoopLinks::anyone_waits() const noexcept {
  for (uint32_t loop = 0; loop < loops(); ++loop)
    if (waits_[loop].lists.load(std::memory_order_relaxed) != 0) return true;
  return false;
}

void LoopLinks::say_arrived(uint32_t from, uint32_t to, uint32_t epoch, uint64_t count) noexcept {
  auto& arrived = pair(from, to).arrived[epoch];
  arrived.store(arrived.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

uint64_t LoopLinks::arrived(uint32_t from, uint32_t epoch) const noexcept {
  uint64_t sum = 0;
  for (uint32_t to = 0; to < loops(); ++to)
    if (to != from) sum += pair(from, to).arrived[epoch].load(std::memory_order_acquire);
  return sum;
}

LoopEnd::LoopEnd(LoopLinks& links, uint32_t number) : links_(links), number_(number), towards_(links.loops()) {}

// As rte_ring_count(), whose reads are plain ones.
static uint32_t count_in(const rte_ring& ring) noexcept {
  const uint32_t taken = __atomic_load_n(&ring.cons.tail, __ATOMIC_ACQUIRE);
  return std::min((__atomic_load_n(&ring.prod.tail, __ATOMIC_ACQUIRE) - taken) & ring.mask, ring.capacity);
}

uint32_t LoopEnd::look(uint32_t to) noexcept {
  Towards& there = towards_[to];
  const rte_ring& ring = *links_.ring(number_, to);
  return there.room = ring.capacity - count_in(ring) - there.staged;
}

void LoopEnd::put(uint32_t to, const HandOver& packet) noexcept {
  Towards& there = towards_[to];
  --there.room;
  there.stage[there.staged++] = packet;
  if (there.staged == kStaged) push(to);
}

// All of it goes in: there was room for each when it was put, and only the other side changes that, to more.
void LoopEnd::push(uint32_t to) noexcept {
  Towards& there = towards_[to];
  rte_ring_sp_enqueue_bulk_elem(links_.ring(number_, to), there.stage.data(), sizeof(HandOver), there.staged, nullptr);
  there.staged = 0;
  got_ |= 1U << to;
}

uint32_t LoopEnd::flush() noexcept {
  for (uint32_t to = 0; to < towards_.size(); ++to)
    if (towards_[to].staged != 0) push(to);
  return std::exchange(got_, 0);
}

uint32_t LoopEnd::take(uint32_t from, HandOver* packets, uint32_t count) noexcept {
  return rte_ring_sc_dequeue_burst_elem(links_.ring(from, number_), packets, sizeof(HandOver), count, nullptr);
}

bool LoopEnd::anything_came() const noexcept {
  for (uint32_t from = 0; from < towards_.size(); ++from)
    if (from != number_ && count_in(*links_.ring(from, number_)) != 0) return true;
  return false;
}

uint32_t LoopEnd::waiting() const noexcept {
  uint32_t count = 0;
  for (const Towards& there : towards_) count += there.list.count;
  return count;
}

}  // namespace roost

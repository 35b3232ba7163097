// SPDX-License-Identifier: BSD-3-Clause
// How packets get from one data loop to another: a ring for each ordered pair, and what loops say to each other about
// lists of packets that wait. Each word has one writer; no loop waits for another.
//
//   LoopLinks   what all loops share
//   LoopEnd     one loop's end of it, for its thread only
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/lazy_array.h"
#include "core/ring.h"

struct rte_mbuf;
struct rte_ring;

namespace roost {

class ChainTable;
class DataLoop;

// A packet that belongs to the other loop from here on, and what goes with it.
struct HandOver {
  enum class Kind : uint8_t {
    enters,   // at the entry of its chain: no NF has seen it
    goes_on,  // in the middle of its chain
    leaves,   // by a port
  };

  rte_mbuf* packet;
  uint64_t stamp_tsc;
  uint32_t path;  // of the loop that hands it over
  uint32_t flow_hash;
  uint16_t in_port;
  uint16_t out_port;
  uint8_t hop;
  uint8_t epoch;  // in which that loop counts it; not of one that leaves
  Kind kind;
  uint8_t reserved;
};
static_assert(sizeof(HandOver) == 32);

class LoopLinks {
 public:
  static constexpr uint32_t kLoopsMax = 16;
  static constexpr uint32_t kSlots = 1'024;

  // `slots`, a power of two: of each ring. Throws Error.
  LoopLinks(uint32_t loops, uint32_t nfs_max, uint32_t slots = kSlots);
  ~LoopLinks();  // after the loops, and before the packets' pool
  LoopLinks(const LoopLinks&) = delete;
  LoopLinks& operator=(const LoopLinks&) = delete;

  uint32_t loops() const noexcept { return static_cast<uint32_t>(loops_.size()); }
  uint32_t slots() const noexcept { return slots_; }
  rte_ring* ring(uint32_t from, uint32_t to) const noexcept { return pair(from, to).ring; }

  // Before they run. Ports by number: the loops that have a queue of it.
  void join(uint32_t number, DataLoop& loop) noexcept { loops_[number] = &loop; }
  DataLoop& loop(uint32_t number) const noexcept { return *loops_[number]; }
  void set_ports(std::vector<std::vector<uint32_t>> loops_of_port) { loops_of_port_ = std::move(loops_of_port); }
  // Where packets of a loop that has no queue of this port go.
  uint32_t way_to(uint16_t port, uint32_t from) const noexcept {
    const auto& loops = loops_of_port_[port];
    return loops[from % loops.size()];
  }
  std::shared_ptr<ChainTable> chains;  // the first loop makes it; changed only while all of them stand still

  // An NF's home loop: packets wait for room in its inbox, or no longer.
  void say_backlog(uint32_t loop, uint32_t nf, bool waits) noexcept;
  bool backlog_of(uint32_t nf) const noexcept { return backlogs_[nf].load(std::memory_order_relaxed) != 0; }
  // A loop: packets wait for room in its ring to another, or no longer.
  void say_full(uint32_t from, uint32_t to, bool waits) noexcept;
  bool full_towards(uint32_t to) const noexcept;
  // Whether there is any such list, at any loop.
  bool anyone_waits() const noexcept;

  // The receiver: so many packets of the sender's epoch have found their paths here. The sender: how many it was.
  void say_arrived(uint32_t from, uint32_t to, uint32_t epoch, uint64_t count) noexcept;
  uint64_t arrived(uint32_t from, uint32_t epoch) const noexcept;

 private:
  struct alignas(64) Pair {
    rte_ring* ring = nullptr;
    alignas(64) std::array<std::atomic<uint64_t>, 4> arrived{};  // by the sender's epoch; the receiver writes
    alignas(64) std::atomic<bool> full{false};                   // the sender writes
  };
  struct alignas(64) Waits {
    std::atomic<uint32_t> lists{0};  // of packets that wait at this loop; it alone writes
  };

  Pair& pair(uint32_t from, uint32_t to) noexcept { return pairs_[from * loops() + to]; }
  const Pair& pair(uint32_t from, uint32_t to) const noexcept { return pairs_[from * loops() + to]; }
  void count_list(uint32_t loop, bool waits) noexcept;

  const uint32_t slots_;
  std::vector<DataLoop*> loops_;
  std::vector<std::vector<uint32_t>> loops_of_port_;
  std::unique_ptr<Pair[]> pairs_;
  std::unique_ptr<Waits[]> waits_;
  LazyArray<std::atomic<uint8_t>> backlogs_;  // by NF
  std::vector<LazyArray<uint8_t>> memory_;    // of the rings
};

class LoopEnd {
 public:
  LoopEnd(LoopLinks& links, uint32_t number);

  LoopLinks& links() const noexcept { return links_; }
  uint32_t number() const noexcept { return number_; }

  // Room for one packet more. At the entry of a chain a quarter of the ring stays free, for those in the middle.
  bool has_room(uint32_t to) noexcept { return towards_[to].room != 0 || look(to) != 0; }
  bool has_room_at_entry(uint32_t to) noexcept {
    const uint32_t kept = links_.slots() / 4;
    return towards_[to].list.count == 0 && (towards_[to].room > kept || look(to) > kept);
  }
  // There must be room. It goes with the next flush, or before.
  void put(uint32_t to, const HandOver& packet) noexcept;
  // Everything that was put. Returns a bit for each loop that has got something since the last time.
  uint32_t flush() noexcept;

  // Up to `count` packets from another loop, oldest first.
  uint32_t take(uint32_t from, HandOver* packets, uint32_t count) noexcept;
  bool anything_came() const noexcept;

  // Packets in the middle of their chains that wait for room in a ring: handles + 1, linked by their rows.
  struct List {
    uint32_t first = 0, last = 0, count = 0;
  };
  List& list(uint32_t to) noexcept { return towards_[to].list; }
  uint32_t waiting() const noexcept;

  // What NFs of other loops have for an inbox; nothing goes into it.
  static constexpr uint8_t kStandInShift = 7;  // no packet has as many segments

 private:
  static constexpr uint32_t kStaged = 64;

  struct Towards {
    uint32_t room = 0;  // as last looked at, less what was put since
    uint32_t staged = 0;
    List list;
    std::array<HandOver, kStaged> stage;
  };
  uint32_t look(uint32_t to) noexcept;
  void push(uint32_t to) noexcept;

  LoopLinks& links_;
  const uint32_t number_;
  uint32_t got_ = 0;
  std::vector<Towards> towards_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What came for NFs and waits for their turns: descriptors out of the worker's inbox, in a first-in first-out queue for
// each NF. The nodes are as many as there are packets, so appending always works; the one that was freed last is used
// first. Memory is touched as it is used.
#pragma once

#include <cstdint>

#include "core/host_region.h"
#include "core/lazy_array.h"

namespace roost {

// Of one NF.
struct PacketQueue {
  uint32_t first, last;  // numbers of nodes
  uint32_t segments, packets;
};

class WaitingPackets {
 public:
  WaitingPackets(uint32_t nfs_max, uint32_t packets_max) : queues_(nfs_max), nodes_(packets_max, false) {}

  PacketQueue& of(uint32_t nf) noexcept { return queues_[nf]; }

  void append(PacketQueue& queue, const Descriptor& d) noexcept {
    const uint32_t number = free_ != 0 ? free_ : ++fresh_;
    Node& node = nodes_[number - 1];
    if (free_ != 0) free_ = node.next;
    node.descriptor = d;
    node.next = 0;
    (queue.segments++ == 0 ? queue.first : nodes_[queue.last - 1].next) = number;
    queue.last = number;
    queue.packets += is_last(d);
  }

  // There must be one.
  Descriptor pop(PacketQueue& queue) noexcept {
    const uint32_t number = queue.first;
    Node& node = nodes_[number - 1];
    const Descriptor d = node.descriptor;
    queue.first = node.next;
    --queue.segments;
    queue.packets -= is_last(d);
    node.next = free_;
    free_ = number;
    return d;
  }

  // The next ones, `most` at most.
  template <typename Look>
  void look_ahead(const PacketQueue& queue, uint32_t most, Look&& look) const noexcept {
    uint32_t number = queue.first;
    for (uint32_t i = queue.segments < most ? queue.segments : most; i != 0; --i) {
      const Node& node = nodes_[number - 1];
      look(node.descriptor);
      number = node.next;
    }
  }

  // Descriptors that wait, for whomever. Takes as long as there ever were at a time.
  uint32_t count() const noexcept {
    uint32_t count = fresh_;
    for (uint32_t number = free_; number != 0; number = nodes_[number - 1].next) --count;
    return count;
  }

  // Nothing waits any more, for anybody.
  void clear() noexcept {
    for (size_t nf = 0; nf < queues_.size(); ++nf)
      if (queues_[nf].segments != 0) queues_[nf] = {};  // a table that nobody has touched stays so
    free_ = fresh_ = 0;
  }

  void prefetch(uint32_t nf) const noexcept {
    if (queues_[nf].segments != 0) __builtin_prefetch(&nodes_[queues_[nf].first - 1]);
  }

 private:
  static bool is_last(const Descriptor& d) noexcept { return (d.flags & Descriptor::kMoreSegments) == 0; }

  struct Node {
    Descriptor descriptor;
    uint32_t next;  // number of a node, from 1
  };

  LazyArray<PacketQueue> queues_;
  LazyArray<Node> nodes_;
  uint32_t free_ = 0, fresh_ = 0;
};

}  // namespace roost

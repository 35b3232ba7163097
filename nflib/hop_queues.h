// SPDX-License-Identifier: BSD-3-Clause
// Packets between two hops of a run, waiting in their host for the next NF: a first-in first-out queue for each NF.
// The nodes are as many as there are packets, so appending always works. Memory is touched as it is used.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "core/lazy_array.h"
#include "core/packet_memory.h"

namespace roost {

struct QueuedHop {
  rte_mbuf* packet = nullptr;
  uint32_t ref = 0;   // PathRef word at the waiting hop
  uint32_t hops = 0;  // taken so far in this delivery
};

class HopQueues {
 public:
  HopQueues(uint32_t nfs_max, uint32_t packets_max) : queues_(nfs_max), nodes_(packets_max) {}

  bool empty(uint32_t nf) const noexcept { return total_ == 0 || queues_[nf].count == 0; }

  void append(uint32_t nf, const QueuedHop& hop) noexcept {
    const uint32_t node = free_ != 0 ? free_ : ++fresh_;
    Node& to = nodes_[node - 1];
    if (free_ != 0) free_ = to.next;
    to.hop = hop;
    to.next = 0;
    Queue& queue = queues_[nf];
    (queue.count++ == 0 ? queue.first : nodes_[queue.last - 1].next) = node;
    queue.last = node;
    ++total_;
  }

  // False: nothing there.
  bool pop(uint32_t nf, QueuedHop& hop) noexcept {
    if (total_ == 0) return false;  // mostly; and then the queue's own line need not come in
    Queue& queue = queues_[nf];
    if (queue.count == 0) return false;
    const uint32_t node = queue.first;
    Node& from = nodes_[node - 1];
    hop = from.hop;
    queue.first = from.next;
    --queue.count;
    --total_;
    from.next = free_;
    free_ = node;
    return true;
  }

 private:
  struct Node {
    QueuedHop hop;
    uint32_t next;  // number of a node, from 1
  };
  struct Queue {
    uint32_t first, last, count;
  };

  LazyArray<Queue> queues_;
  LazyArray<Node> nodes_;
  uint32_t free_ = 0, fresh_ = 0, total_ = 0;
};

}  // namespace roost

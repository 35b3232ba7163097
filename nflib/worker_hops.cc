// SPDX-License-Identifier: BSD-3-Clause
// A burst on its way through a run of NFs. What stands here is done at each hop, so it is to cost no more than the call
// of an NF does.
#include <cstring>
#include <type_traits>

#include "nflib/worker.h"

namespace roost {
namespace {

constexpr uint32_t kNoNf = UINT32_MAX;

// Whether a verdict is another one than next(). Four packets a step; those that fill up the last one say next().
bool any_verdict(const Packet* packets, uint32_t count) noexcept {
  using Lanes = uint32_t __attribute__((vector_size(64)));
  static_assert(sizeof(Packet) == 16 && next().word == 0);  // the verdict comes first
  Lanes sum{}, four;
  for (const Packet* const end = packets + count; packets < end; packets += 4) {
    std::memcpy(&four, packets, sizeof four);
    sum |= four;
  }
  return (sum[0] | sum[4] | sum[8] | sum[12]) != 0;
}

}  // namespace

// After process(): packets that are done leave, the others move on. True: the burst is at its next NF.
inline bool Worker::next_hop(Dispatch& burst, uint32_t count) noexcept {
  if (!burst.one_path || any_verdict(burst.packets, count)) {
    scatter(burst);
    return false;
  }
  const PathRef ref{burst.refs[0] + burst.moved};
  if ((burst.hops[0] & kLastHop) != 0 || paths_.hop(ref.unit(), ref.hop()).run_ends()) {
    leave(burst);
    return false;
  }
  const uint32_t following = paths_.hop(ref.unit(), ref.hop() + 1).nf();
  // The packets that went before must stay before: a queue, once there, is joined.
  if (following >= region_.layout().nfs_max || !queues_.empty(following) ||
      (own_bursts_ && count > burst_most(following)) ||
      region_.nf(following).state.load(std::memory_order_acquire) != kNfReady) {
    scatter(burst);
    return false;
  }
  ++burst.moved;
  burst.nf = following;
  return true;
}

// One NF after the other, as long as the burst stays together and in this host.
template <typename Order>
void Worker::run_hops(Dispatch& burst, Order& order) noexcept {
  constexpr bool kFair = std::is_same_v<Order, DeficitRoundRobin>;
  const uint32_t entry = burst.nf;
  uint32_t narrow = 0;
  int64_t least = INT64_MAX;
  uint64_t cycles = 0;
  running_.store(&burst, std::memory_order_relaxed);
  const uint32_t count = burst.count;
  do {
    const uint32_t nf = burst.nf;
    NfRecord& record = region_.nf(nf);
    Burst packets(burst.packets, count);
    call_nf(burst, record, [&](Nf& it) { it.process(packets); });
    const uint64_t spent = charge(record, count, kFair);
    cycles += spent;
    if constexpr (kFair) {
      RunCredit& credit = turns_[nf].credit;
      order.charge(credit, count, spent);
      if (nf != entry && credit.cycles < least) {
        least = credit.cycles;
        narrow = nf + 1;
      }
    }
  } while (next_hop(burst, count));
  if constexpr (kFair) turns_[entry].narrow = narrow;
  leave_nf(cycles, burst.moved + 1);
}

template void Worker::run_hops(Dispatch& burst, RoundRobin& order) noexcept;
template void Worker::run_hops(Dispatch& burst, DeficitRoundRobin& order) noexcept;

void Worker::leave_nf(uint64_t cycles, uint64_t dispatches) noexcept {
  report_.current_nf.store(kNoNf, std::memory_order_relaxed);
  running_.store(nullptr, std::memory_order_relaxed);
  add(report_.busy_cycles, cycles);
  add(report_.dispatches, dispatches);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a worker looks at once a round, and seldom: the manager's orders, whose credit is renewed, and how much of the
// time its thread had the core.

#include "nflib/worker.h"

namespace roost {

// A round is over when all that waited has had its turn, in the order of the NFs' numbers. Those that had none, since
// the run that their packets would take had spent its part, come first in the next: so several that feed one hop take
// turns.
void Worker::begin_round() noexcept {
  burst_most_ = std::min(orders_.burst_packets.load(std::memory_order_relaxed), kBurstMax);
  own_bursts_ = orders_.own_bursts.load(std::memory_order_relaxed) != 0;
  fair_ = orders_.run_policy.load(std::memory_order_relaxed) == static_cast<uint8_t>(RunPolicy::drr) &&
          region_.layout().nfs_max > 1;  // an NF that is alone has its worker's turns
  if (fair_ && stolen_.is_older(round_tsc_, sample_cycles_)) sample_time();
  if (fair_ && (first_at_ < first_.size() || !turns_due_.at_start())) return;
  first_.erase(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_at_, 0)));
  first_.insert(first_.end(), held_.begin(), held_.end());
  held_.clear();
  if (!fair_) return stolen_.forget();
  weight_ = orders_.weight.load(std::memory_order_relaxed);
  drr_.set_quantum(clock_.from_us(orders_.quantum_us.load(std::memory_order_relaxed)));
  drr_.next_round();
}

uint32_t Worker::weight_of(uint32_t nf) const noexcept {
  const uint32_t own = region_.nf_orders(nf).weight.load(std::memory_order_relaxed);
  return own == 0 ? weight_ : own;
}

// The time that this thread has run, in TSC cycles.
uint64_t Worker::cpu_cycles() const noexcept { return clock_.read(CLOCK_THREAD_CPUTIME_ID); }

// Cycles are charged from here on: at the end of a system call the kernel likes to run others.
void Worker::sample_time() noexcept {
  const uint64_t ran = cpu_cycles();
  last_tsc_ = tsc_now();
  stolen_.sample(last_tsc_, ran);
}

uint64_t Worker::without_stolen(uint64_t cycles, uint64_t now) noexcept {
  return cycles - stolen_.of_dispatch(cycles, now, cpu_cycles());
}

}  // namespace roost

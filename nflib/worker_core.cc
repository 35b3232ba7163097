// SPDX-License-Identifier: BSD-3-Clause
// A shared core is another worker's: standing by, giving way between two dispatches, and the sleep itself.
#include <sched.h>

#include "nflib/worker.h"

namespace roost {

// The manager says whose turn it is. On a core of its own nobody asks.
void Worker::give_way() noexcept {
  if (bell_.mode() == WaitMode::spin) return;
  if (is_called()) answer_calls();
  ring_if_gave();
  // Up already, so that the core can go on with this worker at once; until then the kernel is to run the other.
  stolen_.forget();
  while (orders_.rest.load(std::memory_order_relaxed) == kStandBy && !stopping_.load(std::memory_order_relaxed) &&
         !is_called())
    sched_yield();
  last_tsc_ = tsc_now();
  if (orders_.rest.load(std::memory_order_relaxed) != kGiveWay) return;
  const bool has_more = batch_.next < batch_.end || first_at_ < first_.size() || !turns_due_.empty() ||
                        !held_.empty() || !inbox_.empty() || next_resume_tsc() <= last_tsc_;
  if (has_more)
    fall_asleep(kHasMore);
  else
    idle();
}

// Announces, looks once more, and sleeps until the manager wakes it. The manager knows what waits, and counts from here
// when it will have waited for too long.
bool Worker::fall_asleep(uint64_t deadline_tsc) noexcept {
  report_.deadline_tsc.store(deadline_tsc, std::memory_order_relaxed);
  report_.taken.store(taken_ + stalled_, std::memory_order_relaxed);
  const uint64_t ran = fair_ ? cpu_cycles() : 0;  // it does not run while it sleeps
  const bool slept = bell_.sleep(
      [this, deadline_tsc] {
        if (deadline_tsc == kHasMore ? stopping_.load() || is_called() : has_reason_to_wake()) return true;
        ring_manager();  // it may have gone to sleep relying on this worker to be up
        return false;
      },
      [this] {
        if (errand_.waits()) errand_.run();
      });
  if (slept) report_.sleeps.store(report_.sleeps.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (cpu_orders_ != orders_.cpu_orders.load(std::memory_order_relaxed)) [[unlikely]]
    go_to_core();
  last_tsc_ = tsc_now();
  if (fair_) stolen_.sample(last_tsc_, ran);
  return slept;
}

// The manager has moved the worker to another core, or a thread that was elsewhere begins to drive it. Where that core
// has vanished meanwhile, the thread stays where the kernel has put it: the manager will say where to go.
void Worker::go_to_core() noexcept {
  cpu_orders_ = orders_.cpu_orders.load(std::memory_order_acquire);
  const int to = cpu();
  if (to < 0 || to >= CPU_SETSIZE) return;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<size_t>(to), &only);
  sched_setaffinity(0, sizeof only, &only);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Sleep and wake, for everything in Roost that blocks: announce, fence, recheck, block.
//
// The sleeper announces that it sleeps, then looks once more for a reason not to; the waker publishes the reason, then
// looks for an announcement. With a full fence between the two steps on each side one of them sees the other, so no
// wakeup is lost.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "core/fence.h"

namespace roost {

// Semaphore is there to compare with openNetVM, and trusts its hosts: the sem_t is theirs to write, and the C library
// may hang or abort in sem_post() on one that was overwritten. In the other modes a waker does nothing with the shared
// memory but atomic operations on one word, and tells the kernel its address.
enum class WaitMode : uint32_t { futex, semaphore, spin };

// The protocol itself. `announce` makes the intention visible to wakers, `recheck` returns true where there is a reason
// to stay up, `block` returns after a wake-up, a timeout or a signal, `retract` takes the announcement back. Returns
// whether it blocked.
template <typename Announce, typename Recheck, typename Block, typename Retract>
bool sleep_unless(Announce&& announce, Recheck&& recheck, Block&& block, Retract&& retract) {
  announce();
  full_fence();
  const bool stay_up = recheck();
  if (!stay_up) block();
  retract();
  return !stay_up;
}

// A worker's bell, in memory shared between its host and the manager.
//
//   awake --sleep()--> announced --park()--> parked --ring()--> awake
//                          |
//                          +--- recheck finds a reason ---> awake
//
// The worker announces; the data loop, which visits every worker that isn't parked, collects what the worker left,
// parks it and from then on answers for waking it. So the loop always knows which workers may have something for it.
class Doorbell {
 public:
  enum State : uint32_t { kAwake, kAnnounced, kParked };

  void init(WaitMode mode) noexcept;  // manager, before the memory is shared

  WaitMode mode() const noexcept { return static_cast<WaitMode>(mode_.load(std::memory_order_relaxed)); }
  bool announced() const noexcept { return state_.load(std::memory_order_acquire) == kAnnounced; }

  // Worker: blocks until rung, unless recheck() finds a reason to stay up. Returns whether it blocked. Not for spin
  // mode, in which a worker never sleeps. `nudged` is called whenever the kernel wakes it, rung or not: by unblock()
  // alone its own process can have it look at something, and it sleeps on.
  template <typename Recheck, typename Nudged>
  bool sleep(Recheck&& recheck, Nudged&& nudged) noexcept {
    return sleep_unless([this] { state_.store(kAnnounced, std::memory_order_seq_cst); }, recheck,
                        [&] { block(nudged); },
                        [&] {
                          uint32_t mine = kAnnounced;  // a parked worker is the loop's to wake, and it will
                          if (!state_.compare_exchange_strong(mine, kAwake)) block(nudged);
                        });
  }
  template <typename Recheck>
  bool sleep(Recheck&& recheck) noexcept {
    return sleep(std::forward<Recheck>(recheck), [] {});
  }

  // Loop: takes over an announced worker. False: it is up (again).
  bool park() noexcept {
    uint32_t announced = kAnnounced;
    return state_.compare_exchange_strong(announced, kParked);
  }

  // Loop: lets a parked worker go on; the kernel still has to be told by unblock(), at once or by the wake role.
  // False: it wasn't parked.
  bool release() noexcept {
    uint32_t parked = kParked;
    return state_.compare_exchange_strong(parked, kAwake);
  }
  // The waker says the mode from memory of its own: what mode() reads, the other side can write.
  void unblock(WaitMode mode) noexcept;

 private:
  template <typename Nudged>
  void block(Nudged&& nudged) noexcept {
    for (uint32_t state; (state = state_.load(std::memory_order_acquire)) != kAwake; nudged()) wait(state);
  }
  void wait(uint32_t state) noexcept;  // returns at once where the state is another, and may return for no reason

  std::atomic<uint32_t> state_;
  std::atomic<uint32_t> mode_;
  sem_t semaphore_;
};
static_assert(sizeof(Doorbell) <= 64);

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Workers that wait for their shared core, and who of them is next. Two ways: in the order in which they came (the
// reference), or who has used least of what it is entitled to.
//
// The second is start-time fair queueing (Goyal, Vin, Cheng, "Start-Time Fair Queuing", ACM SIGCOMM 1996) in two
// levels: tenants share the core by their weights, and workers share what their tenant gets. Each account has a virtual
// time, what it has used divided by its weight; the least is next. Who comes back after a pause starts where the last
// that was chosen started: it is served soon, and has saved nothing up. With priorities, a tenant's workers of a higher
// one go first, but for a part of the time (the floor) that the lower ones get as long as they want it.
//
// Every operation but add() costs O(log n) of those that wait, allocates nothing, and looks at no worker that doesn't.
// One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "scheduler/policy/indexed_heap.h"

namespace roost {

inline constexpr uint32_t kPriorities = 8;
inline constexpr uint32_t kStandardWeight = 100;

struct ShareAccount {
  uint32_t weight = kStandardWeight;  // the caller's to set, 0 counts as 1
  uint32_t place = kNowhere;          // in a heap, while it waits
  uint64_t virtual_time = 0;
  uint64_t came = 0;  // breaks ties: first come
};

struct TenantAccount;

// A worker's account with its core's queue; one queue at a time.
struct CoreWaiter : ShareAccount {
  // The caller's, before add():
  uint32_t id = 0;  // for the caller to know it by
  uint32_t tenant = 0;
  uint32_t tenant_weight = kStandardWeight;
  uint32_t priority = 0;  // higher goes first, below kPriorities
  // The queue's:
  TenantAccount* tenant_account = nullptr;
  CoreWaiter *before = nullptr, *behind = nullptr;
  bool contends = false;  // waits, or has the core
};

class CoreQueue {
 public:
  virtual ~CoreQueue() = default;

  virtual void add(CoreWaiter& worker) = 0;              // belongs to this core from now on; may throw bad_alloc
  virtual void remove(CoreWaiter& worker) noexcept = 0;  // not any more; it doesn't wait

  virtual void wait(CoreWaiter& worker) noexcept = 0;                     // it wants the core; it doesn't wait yet
  virtual void unwait(CoreWaiter& worker) noexcept = 0;                   // takes it out, wherever it is in the queue
  virtual CoreWaiter* first() const noexcept = 0;                         // who is next; null: nobody waits
  virtual void take(CoreWaiter& first) noexcept = 0;                      // the next one has the core, or is about to
  virtual void present(CoreWaiter& worker) noexcept = 0;                  // it has the core without having waited
  virtual void absent(CoreWaiter& worker) noexcept = 0;                   // neither has it nor waits any more
  virtual void charge(CoreWaiter& worker, uint64_t cycles) noexcept = 0;  // it had the core for so long
  // Of two that want the core: whether this one, which has it, may go on before the other.
  virtual bool goes_on(const CoreWaiter& running, const CoreWaiter& other) const noexcept = 0;

  uint32_t waiting() const noexcept { return waiting_; }

 protected:
  uint32_t waiting_ = 0;
};

enum class CoreOrder : uint8_t { first_come, least_used, priority };

struct CoreQueueOptions {
  CoreOrder order = CoreOrder::least_used;
  uint32_t floor_percent = 5;    // CoreOrder::priority: of a tenant's time, for those that aren't of the highest
  uint64_t debt_cycles_max = 0;  // nobody falls further behind than this (at standard weight); 0: no bound
};

std::unique_ptr<CoreQueue> make_core_queue(const CoreQueueOptions& options);

}  // namespace roost

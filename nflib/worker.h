// SPDX-License-Identifier: BSD-3-Clause
// A worker: a host's kernel thread on one shared core. It takes the next NF that has packets, calls it with a burst,
// takes the further hops of the run, and routes the verdicts. Only when nothing is left does it sleep.
//
//   worker.cc           the loop: choose, dispatch, sleep
//   worker_packets.cc   the border: packets in from inboxes, out through the outbox, and between hops
//   worker_waits.cc     NFs that yield or sleep inside process()
//   worker_turns.cc     the core is another's: standing by and giving way; and the sleep itself
#pragma once

#include <roost/nf.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "core/host_region.h"
#include "core/packet_memory.h"
#include "core/path.h"
#include "nflib/errand.h"
#include "nflib/fiber.h"
#include "nflib/hop_queues.h"
#include "nflib/stub_pool.h"

namespace roost {

struct WorkerOptions {
  HostRegion region;
  PathTableView paths;
  int manager_eventfd = -1;
  uint64_t tsc_hz = 0;
  size_t stack_bytes = 64 << 10;
};

class Worker final : public PacketSource {
 public:
  explicit Worker(const WorkerOptions& options);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The thread's life: returns after stop(). Call on the thread that is the worker.
  void run();
  void stop() noexcept;  // any thread

  // An NF and its record belong to the control thread until it adds them, to the worker's thread from there on, and
  // to the control thread again from when they are removed.
  // Control thread. The NF's packets come only after the manager has heard that it is ready.
  void add_nf(uint32_t index, Nf* nf, uint32_t first_slot, uint8_t slot_shift) noexcept;
  // Control thread, while the worker runs and the manager delivers nothing more to these NFs: all of them, or, where
  // it isn't `done`, none. suspended: one waits in the middle of process(). late: the worker did not come to it.
  enum class Removal { done, suspended, late };
  Removal remove_nfs(uint32_t first, uint32_t count, std::chrono::milliseconds patience);

  // Worker thread, from inside process().
  void yield() noexcept;
  void sleep_for_us(uint64_t us) noexcept;
  void send(rte_mbuf* packet, Verdict verdict) noexcept;
  rte_mempool* pool() noexcept { return pool_; }
  void want_grants(uint32_t count) noexcept;  // any thread

  uint32_t take_granted() noexcept override;          // other threads get none
  void give_back(uint32_t handle) noexcept override;  // any thread; others' wait for take_returned()
  void take_returned() noexcept;  // to the manager. The worker's thread, or the control thread when that has ended

  size_t stacks() const noexcept { return fibers_->taken() + fibers_->spare(); }  // while no NF waits: few

  static Worker* current() noexcept { return current_; }  // of the calling thread, null if it is none

 private:
  static constexpr uint32_t kBurstMax = 64;
  static constexpr uint32_t kSpareStacks = 64;  // kept in the pool; and as many parked

  // A burst on its way through a run of NFs. Lives on the stack of the fiber that runs it.
  struct Dispatch {
    Dispatch() noexcept {}  // leaves the packets alone: only `count` of them mean something
    union {
      Packet packets[kBurstMax];
    };
    uint32_t refs[kBurstMax];  // each packet's PathRef word: its path, and the hop that it was at
    uint32_t hops[kBurstMax];  // hops taken before in this delivery
    uint32_t moved = 0;        // hops that the whole burst has taken since
    uint32_t count = 0;
    uint32_t nf = 0;       // index of the NF it is at
    bool one_path = true;  // all refs and hops are the same
    // While suspended:
    Fiber* fiber = nullptr;
    uint64_t resume_tsc = 0;
    uint32_t stalled = 0;  // packets counted as waiting in the suspended NF's inbox
  };

  // worker.cc
  static void enter(void* worker);
  void drive() noexcept;
  void refill() noexcept;
  void gather() noexcept;
  void dispatch(uint32_t nf) noexcept;
  void run_hops(Dispatch& burst) noexcept;
  void idle() noexcept;
  void fall_asleep(uint64_t deadline_tsc) noexcept;
  bool is_called() const noexcept;
  void answer_calls() noexcept;
  bool has_reason_to_wake() const noexcept;
  uint64_t waiting() const noexcept;
  uint64_t charge(NfRecord& nf, uint32_t packets) noexcept;

  // worker_turns.cc
  void give_way() noexcept;

  // worker_packets.cc
  bool take_burst(NfRecord& nf, Dispatch& burst) noexcept;
  rte_mbuf* make_view(const Descriptor& descriptor, NfRecord& nf) noexcept;
  bool next_hop(Dispatch& burst) noexcept;
  void scatter(Dispatch& burst) noexcept;
  void leave(const Dispatch& burst, uint32_t i, Verdict verdict) noexcept;
  static uint32_t hops_of(const Dispatch& burst, const rte_mbuf* packet) noexcept;
  void emit(rte_mbuf* packet, Verdict verdict) noexcept;
  void push_out(const Descriptor& descriptor) noexcept;
  void ring_manager() noexcept;
  void ring_if_gave() noexcept;

  // worker_waits.cc
  void suspend(uint64_t resume_tsc) noexcept;
  Fiber* other_driver() noexcept;
  void resume(Dispatch& burst) noexcept;
  bool resume_due() noexcept;
  void note_stalled(uint32_t nf) noexcept;
  uint64_t next_resume_tsc() const noexcept;

  const HostRegion region_;
  WorkerOrders& orders_;
  WorkerReport& report_;
  Doorbell& bell_;
  const PathTableView paths_;
  const TscClock clock_;
  const int manager_eventfd_;
  ReadyBitmap ready_;
  RingProducer outbox_;
  RingConsumer grants_;
  HopQueues queues_;  // packets between two hops, where the next NF could not take them at once
  rte_mempool* pool_ = nullptr;
  // From other threads.
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> returned_{kNoHandle};  // the last packet that they freed; its hash.usr names the one before
  Errand errand_;
  static constinit thread_local Worker* current_;

  // The round: kept here and not on a stack, since the fiber that drives can change at any dispatch.
  uint32_t batch_[kBurstMax];
  uint32_t batch_next_ = 0, batch_count_ = 0;
  std::vector<uint32_t> again_;  // NFs that have more than one burst, for the next round
  uint64_t taken_ = 0;           // packets, ever
  uint64_t stalled_ = 0;         // of those that wait, in inboxes of suspended NFs
  uint64_t last_tsc_ = 0;        // up to here cycles are charged
  uint64_t round_tsc_ = 0, rate_tsc_ = 0, rate_taken_ = 0;
  bool gathers_ = false;
  bool gave_ = false;  // something went into the outbox since the manager's sleep was last looked at
  Dispatch* running_ = nullptr;

  std::unique_ptr<FiberPool> fibers_;
  Fiber thread_;  // the thread's own stack, on which run() waits
  Fiber* driver_ = nullptr;
  std::vector<Fiber*> parked_;  // drivers that gave way to a resumed NF; they go on where they stopped
  std::vector<Dispatch*> yielded_;
  std::vector<Dispatch*> asleep_;  // a heap, the earliest on top
};

}  // namespace roost

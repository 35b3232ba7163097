// SPDX-License-Identifier: BSD-3-Clause
// A worker: a host's kernel thread on one shared core. It takes the next NF that has packets, calls it with a burst,
// takes the further hops of the run, and routes the verdicts. Only when nothing is left does it sleep.
//
//   worker.cc           the loop: choose, dispatch, sleep
//   worker_hops.cc      a burst on its way from NF to NF
//   worker_turns.cc     what a round begins with: orders, credits, the thread's own time
//   worker_packets.cc   the border: packets in from the inbox, out through the outbox, and between hops
//   worker_waits.cc     NFs that yield or sleep inside process()
//   worker_core.cc      the core is another's: standing by and giving way; and the sleep itself
//   worker_overrun.cc   NFs that don't come back from process(): the worker goes on with another thread
//   worker_events.cc    NFs called for timers and messages
//   worker_successor.cc the manager is gone, and another takes the host over
#pragma once

#include <roost/nf.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/host_region.h"
#include "core/lazy_array.h"
#include "core/packet_memory.h"
#include "core/path.h"
#include "nflib/errand.h"
#include "nflib/fiber.h"
#include "nflib/hop_queues.h"
#include "nflib/nf_events.h"
#include "nflib/runaway.h"
#include "nflib/stolen_time.h"
#include "nflib/stub_pool.h"
#include "nflib/turn_set.h"
#include "nflib/waiting_packets.h"
#include "scheduler/policy/run_order.h"
#include "scheduler/policy/spin.h"

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

  // The thread's life. Call on the thread that is the worker. Returns after stop(), or where the thread has lost the
  // worker to another one, once the NF that kept it has come back.
  enum class Ended { stopped, lost };
  Ended run();
  void stop(bool stops = true) noexcept;  // any thread; false: it may run on after all
  // After a stop that was taken back: as run(), on the same thread, from where it stopped.
  Ended run_on();

  // While no thread drives it, and none has lost it (see may_change_hands()); of the places that hold NFs.
  bool may_change_hands() const noexcept;
  // Gives up what waits between hops. Returns how many packets NFs still hold: what came, less what waits for them and
  // what has left.
  uint32_t take_stock(const std::vector<uint32_t>& places) noexcept;
  // Packets that waited for it or in it, and went with the manager.
  uint32_t left_behind() const noexcept;
  struct Place {
    uint32_t place;
    bool quarantined;
  };
  // Has the memory replaced, and begins anew in the new one with these NFs.
  void change_hands(const std::vector<Place>& nfs, int manager_eventfd, const std::function<void()>& map_over);

  // Overrun; see runaway.h. Control thread: asks the worker's thread to leave the worker, if it is still at that
  // dispatch. Where it is late, it has not answered, and the request must live on.
  enum class Answer { ended, taken, late };
  Answer ask_to_leave(Runaway& runaway, std::chrono::milliseconds patience);
  pid_t thread_id() const noexcept { return thread_id_.load(std::memory_order_acquire); }  // 0: not there yet
  // Where the manager wants it to run; -1: where it was started.
  int cpu() const noexcept {
    return orders_.cpu_orders.load(std::memory_order_acquire) == 0 ? -1 : orders_.cpu.load(std::memory_order_relaxed);
  }
  // The life of the thread that drives after it: as run().
  Ended take_over(Runaway& runaway);
  // Control thread, while the worker runs: an NF that had overrun, and has returned since, gets packets again.
  enum class Return { done, runs, not_quarantined, late };
  Return bring_back(uint32_t nf, std::chrono::milliseconds patience);
  static void install_overrun_handler();  // once in a process; throws Error

  // An NF and its record belong to the control thread until it adds them, to the worker's thread from there on, and
  // to the control thread again from when they are removed.
  // Control thread. The NF's packets come only after the manager has heard that it is ready.
  // quarantined: it gets none, nor timers nor messages, until it is brought back.
  void add_nf(uint32_t index, Nf* nf, bool quarantined = false) noexcept;
  // Control thread, while the worker runs and the manager delivers nothing more to these NFs: all of them, or, where
  // it isn't `done`, none. suspended: one waits in the middle of process(). late: the worker did not come to it.
  enum class Removal { done, suspended, late };
  Removal remove_nfs(uint32_t first, uint32_t count, std::chrono::milliseconds patience);

  // Worker thread, from inside process().
  void yield() noexcept;
  void sleep_for_us(uint64_t us) noexcept;
  std::optional<std::string> wait_message_us(uint64_t us) noexcept;
  void send(rte_mbuf* packet, Verdict verdict) noexcept;
  rte_mempool* pool() noexcept { return pool_; }
  void want_grants(uint32_t count) noexcept;  // any thread

  uint32_t take_granted() noexcept override;          // other threads get none
  void give_back(uint32_t handle) noexcept override;  // any thread; others' wait for take_returned()
  void take_returned() noexcept;  // to the manager. The worker's thread, or the control thread when that has ended

  // Timers and messages: made when the first is set or comes. Any thread; throws Error where there is no memory.
  NfEvents& events();
  // For calls from NFs: the thread doesn't lose the worker while it holds their lock.
  template <typename Use>
  auto use_events(Use&& use) {
    const Inside inside(*this);
    return use(events());
  }
  void forget_events(uint32_t place) noexcept;  // of an NF that is removed
  // Whether something is left for it that takes it up, and not only a nudge: the manager is to have it woken.
  bool wants_up() const noexcept;

  size_t stacks() const noexcept { return fibers_->taken() + fibers_->spare(); }  // while no NF waits: few

  // Of the calling thread, null if it is none.
  static Worker* current() noexcept { return current_.load(std::memory_order_relaxed); }
  // The NF in whose dispatch the calling thread is, UINT32_MAX: in none. Also in a signal handler.
  static uint32_t nf_of_thread() noexcept;

 private:
  static constexpr uint32_t kBurstMax = 64;
  static constexpr uint32_t kSpareStacks = 64;  // kept in the pool; and as many parked
  static constexpr uint32_t kEventsMax = 64;    // timers and messages between two rounds of packets
  static constexpr uint32_t kResumesMax = 64;   // of NFs that have slept, the same

  enum class Where : uint8_t { outside, nf, library };  // of process(), as the thread goes

  // What the run policy needs of an NF; touched only where the policy is a fair one.
  struct Turn {
    RunCredit credit;
    uint32_t narrow = 0;  // 1 + the hop of the NF's last run that can afford the least; 0: there was no other hop
  };

  // Bits in a burst's `hops`: no further hop follows in this host (it stands there and not in `refs`, so that those
  // stay comparable at a glance); and the NF has sent or freed the packet: whatever its verdict is, the view is not
  // ours to write.
  static constexpr uint32_t kLastHop = 1u << 31, kGone = 1u << 30, kHopsMask = ~(kLastHop | kGone);

  // A burst on its way through a run of NFs. Lives on the stack of the fiber that runs it.
  struct Dispatch {
    Dispatch() noexcept {}  // leaves the packets alone: only `count` of them mean something
    union {
      alignas(64) Packet packets[kBurstMax];  // up to a multiple of four, those behind the last say next()
    };
    uint32_t refs[kBurstMax];  // each packet's PathRef word: its path, and the hop that it was at
    uint32_t hops[kBurstMax];  // hops taken before in this delivery, and the two bits above
    uint32_t moved = 0;        // hops that the whole burst has taken since
    uint32_t count = 0;
    uint32_t nf = 0;       // index of the NF it is at
    uint32_t entry = 0;    // and of the one whose turn it is
    bool more = false;     // that one has more packets, and is in no list until the burst is through or waits
    bool one_path = true;  // all refs and hops are the same
    // While suspended:
    Fiber* fiber = nullptr;
    uint64_t resume_tsc = 0;
    uint32_t stalled = 0;  // packets counted as waiting for the suspended NF
    // For the handler of the overrun signal, which runs between any two instructions of the thread:
    std::atomic<Where> where{Where::outside};
    std::atomic<bool> asked{false};  // while it was in the library; to be answered at its end
    std::atomic<bool> lost{false};   // this thread has lost the worker
  };

  // A call from an NF into the library: in the middle of it the thread doesn't give the worker away. Does nothing for
  // a thread that isn't the worker's, or has lost it: that is no driver.
  class Inside {
   public:
    explicit Inside(Worker& worker) noexcept;
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    bool driver() const noexcept { return driver_; }

   private:
    Worker& worker_;
    Dispatch* burst_ = nullptr;
    Where before_ = Where::outside;
    bool driver_ = false;
  };

  // worker.cc
  Ended drive_on(Fiber& driver);
  static void enter(void* worker);
  void drive() noexcept;
  void refill() noexcept;
  uint32_t* begin_batch() noexcept;
  uint32_t choose(uint32_t* batch) noexcept;
  void gather() noexcept;
  template <typename Order>
  void dispatch(uint32_t nf, Order& order) noexcept;
  uint32_t fair_burst(uint32_t nf, uint32_t most) noexcept;
  bool goes_on(uint32_t nf) const noexcept;
  void idle() noexcept;
  bool is_called() const noexcept;
  void answer_calls() noexcept;
  bool has_reason_to_wake() const noexcept;
  uint64_t waiting() const noexcept;

  // worker_hops.cc
  template <typename Order>
  void run_hops(Dispatch& burst, Order& order) noexcept;
  bool next_hop(Dispatch& burst, uint32_t count) noexcept;
  void leave_nf(uint64_t cycles, uint64_t dispatches) noexcept;

  static void add(std::atomic<uint64_t>& counter, uint64_t n) noexcept {  // one writer: no locked instruction
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  // The cycles since the last time are this NF's.
  uint64_t charge(NfRecord& nf, uint32_t packets, bool fair) noexcept {
    const uint64_t now = tsc_now();
    uint64_t cycles = now - last_tsc_;
    if (fair && cycles > long_cycles_) [[unlikely]]
      cycles = without_stolen(cycles, now);
    last_tsc_ = now;
    add(nf.packets, packets);
    add(nf.cycles, cycles);
    return cycles;
  }

  // Each call of an NF's code goes between these two, so that one that doesn't come back is seen; and all those of one
  // burst between running_'s being set and leave_nf().
  template <typename Call>
  void call_nf(Dispatch& burst, const NfRecord& record, Call&& call) noexcept {
    report_.current_nf.store(burst.nf, std::memory_order_relaxed);
    burst.where.store(Where::nf, std::memory_order_relaxed);
    call(*static_cast<Nf*>(record.nf));
    burst.where.store(Where::outside, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (burst.lost.load(std::memory_order_relaxed)) [[unlikely]]
      surrender();
  }

  // An NF is called with at most this many packets.
  uint32_t burst_most(uint32_t nf) const noexcept {
    const uint32_t own = own_bursts_ ? region_.nf_orders(nf).burst_packets.load(std::memory_order_relaxed) : 0;
    return own == 0 ? burst_most_ : std::min(own, kBurstMax);
  }

  static void prefetch_packet(const Descriptor& d) noexcept {
    __builtin_prefetch(packet_view(d.handle), 1);
    __builtin_prefetch(packet_buffer(d.handle) + d.data_offset, 1);
  }

  // For the next round; once, however often new packets of it are announced meanwhile.
  void queue_again(uint32_t nf) noexcept {
    if (!std::exchange(queued_[nf], true)) turns_due_.add(nf);
  }

  // worker_turns.cc
  void begin_round() noexcept;
  uint32_t weight_of(uint32_t nf) const noexcept;
  uint64_t cpu_cycles() const noexcept;
  void sample_time() noexcept;
  uint64_t without_stolen(uint64_t cycles, uint64_t now) noexcept;

  // worker_core.cc
  void give_way() noexcept;
  bool fall_asleep(uint64_t deadline_tsc) noexcept;
  void go_to_core() noexcept;

  // worker_packets.cc
  void take_in() noexcept;
  bool take_burst(Dispatch& burst, uint32_t most) noexcept;
  rte_mbuf* make_view(const Descriptor& first, PacketQueue& queue) noexcept;
  void scatter(Dispatch& burst) noexcept;
  void leave(const Dispatch& burst) noexcept;
  void leave(const Dispatch& burst, uint32_t i, Verdict verdict) noexcept;
  void note_gone(const rte_mbuf* packet) noexcept;
  static uint32_t hops_of(const Dispatch& burst, const rte_mbuf* packet) noexcept;
  void emit(rte_mbuf* packet, Verdict verdict) noexcept;
  void push_out(const Descriptor& descriptor) noexcept;
  void ring_manager() noexcept;
  void ring_if_gave() noexcept;

  // worker_waits.cc
  void suspend(uint64_t resume_tsc) noexcept;
  void queue_rest(Dispatch& burst) noexcept;
  Fiber* other_driver() noexcept;
  void resume(Dispatch& burst) noexcept;
  bool resume_sleeper() noexcept;
  bool resume_yielded() noexcept;
  void note_stalled(uint32_t nf) noexcept;
  uint64_t next_resume_tsc() const noexcept;

  // worker_overrun.cc
  static void on_signal(int) noexcept;
  void answer_overrun() noexcept;
  [[noreturn]] void surrender() noexcept;
  void take_finished() noexcept;
  void return_waiting(uint32_t nf) noexcept;
  void return_queue(uint32_t nf) noexcept;
  uint64_t look_for_runaways_tsc() const noexcept;

  // worker_successor.cc
  void forget_packets() noexcept;

  // worker_events.cc
  bool call_event() noexcept {
    NfEvents* const events = events_.load(std::memory_order_acquire);
    return events != nullptr && call_event(*events);
  }
  bool call_event(NfEvents& events) noexcept;
  void rouse(uint32_t nf) noexcept;
  uint64_t next_event_tsc() const noexcept {
    const NfEvents* const events = events_.load(std::memory_order_acquire);
    return events == nullptr ? NfEvents::kNever : events->next_tsc();
  }

  const HostRegion region_;
  WorkerOrders& orders_;
  WorkerReport& report_;
  Doorbell& bell_;
  const PathTableView paths_;
  const TscClock clock_;
  int manager_eventfd_;
  RingConsumer inbox_;
  RingProducer outbox_;
  RingConsumer grants_;
  WaitingPackets waiting_;
  HopQueues queues_;  // packets between two hops, where the next NF could not take them at once
  rte_mempool* pool_ = nullptr;
  uint32_t unsent_ = 0;  // descriptors that found no room in the outbox when the worker had to stop
  // From other threads.
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> returned_{kNoHandle};  // the last packet that they freed; its hash.usr names the one before
  std::atomic<Runaway*> finished_{nullptr};    // runaways that have come back
  Errand errand_;
  static constinit thread_local std::atomic<Worker*> current_;
  static constinit thread_local std::atomic<Runaway*> runaway_;  // of a thread that has lost its worker
  std::atomic<Runaway*> asked_{nullptr};                         // of the control thread
  std::atomic<uint32_t> runaways_{0};                            // threads that have lost this worker, still at it
  std::atomic<pid_t> thread_id_{0};
  std::mutex making_events_;
  std::unique_ptr<NfEvents> own_events_;
  std::atomic<NfEvents*> events_{nullptr};

  // The round: kept here and not on a stack, since the fiber that drives can change at any dispatch.
  BatchLog& batch_;
  uint32_t batch_first_ = 0;     // of the batch, in its log
  TurnSet turns_due_;            // NFs that have packets
  std::vector<uint32_t> held_;   // that had no turn in this round, and begin the next
  LazyArray<bool> queued_;       // by NF: in one of these two
  std::vector<uint32_t> first_;  // that begin this one, those before first_at_ left out
  size_t first_at_ = 0;
  // Orders, as they were when the batch was chosen: the manager writes their line with each delivery.
  uint32_t burst_most_ = kBurstMax, weight_ = 0;
  bool own_bursts_ = false;
  bool fair_ = false;  // by drr_, not by round robin
  RoundRobin round_robin_;
  DeficitRoundRobin drr_;
  LazyArray<Turn> turns_;  // by NF
  AdaptiveSpin spin_;
  StolenTime stolen_;
  const uint64_t long_cycles_, sample_cycles_;
  uint64_t taken_ = 0;     // packets, ever
  uint64_t stalled_ = 0;   // of those that wait, for suspended NFs
  uint64_t last_tsc_ = 0;  // up to here cycles are charged
  uint64_t round_tsc_ = 0, rate_tsc_ = 0, rate_taken_ = 0;
  uint32_t events_left_ = kEventsMax, resumes_left_ = kResumesMax;
  bool gathers_ = false;
  uint32_t cpu_orders_ = 0;  // that its thread has followed
  bool gave_ = false;        // something went into the outbox since the manager's sleep was last looked at
  std::atomic<Dispatch*> running_{nullptr};  // null between two dispatches

  std::unique_ptr<FiberPool> fibers_;
  Fiber* home_ = nullptr;  // the thread's own stack, on which run() waits
  Fiber* driver_ = nullptr;
  std::vector<Fiber*> parked_;  // drivers that gave way to a resumed NF; they go on where they stopped
  std::vector<Dispatch*> yielded_;
  std::vector<Dispatch*> asleep_;  // a heap, the earliest on top
};

}  // namespace roost

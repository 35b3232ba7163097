// SPDX-License-Identifier: BSD-3-Clause
// The small region that one host and the manager share, and nobody else maps: the worker's record, its NFs' records,
// orders, inbox, outbox and granted packets. A field has one writer, named beside it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/doorbell.h"
#include "core/ring.h"

namespace roost {

// How a worker on a shared core makes room for others; each asks for more than the one before.
enum RestOrder : uint32_t {
  kStay,         // nobody needs the core: wait for packets as the settings say
  kRestWhenDry,  // others wait for the core: sleep as soon as there is nothing to do
  kStandBy,      // another has the core: be ready to go on at once, and leave it the time
  kGiveWay,      // the turn is over: sleep at the next dispatch boundary, packets or not
};

// What the worker may be told at any time; the manager writes, the worker reads.
struct WorkerOrders {
  std::atomic<uint64_t> delivered;       // packets put into this worker's inbox, ever
  std::atomic<uint32_t> manager_asleep;  // 1: ring the manager's eventfd after putting something into the outbox
  std::atomic<uint32_t> awake_peers;     // 1: others are awake on this shared core; let them have it before sleeping
  std::atomic<uint32_t> wake_packets;    // settings of the same names
  std::atomic<uint32_t> wake_deadline_us;
  std::atomic<uint32_t> spin_us;
  std::atomic<uint32_t> gather_us;
  std::atomic<uint32_t> burst_packets;
  std::atomic<uint32_t> rest;  // RestOrder
  std::atomic<uint32_t> quantum_us;
  std::atomic<uint16_t> weight;        // of NFs that have none of their own
  std::atomic<uint8_t> run_policy;     // RunPolicy
  std::atomic<uint8_t> spin_adaptive;  // 0 or 1
  std::atomic<uint8_t> own_bursts;     // 1: some of its NFs have a burst_packets of their own
  std::atomic<uint16_t> cpu;           // where it is to run from when it is woken next, once cpu_orders is not 0
  std::atomic<uint32_t> cpu_orders;    // how often that has been said
};

// What the worker reports; the worker writes, the manager reads and relies on none of it for safety.
struct WorkerReport {
  std::atomic<uint64_t> taken;  // packets that NFs were called with, ever; up to date when a round begins, and asleep
  std::atomic<uint64_t> deadline_tsc;  // asleep: when to be woken at the latest, kNoDeadline: no need, kHasMore
  std::atomic<uint64_t> dispatches;
  std::atomic<uint64_t> busy_cycles;
  std::atomic<uint64_t> sleeps;
  std::atomic<uint64_t> yields;
  std::atomic<uint32_t> current_nf;  // the NF being dispatched, UINT32_MAX: none
  // Any thread of the host: system calls that its filter refused, ever, and the number of the last of them.
  std::atomic<uint32_t> refused_calls;
  std::atomic<uint32_t> refused_call;
  std::atomic<uint32_t> thread;  // that drives the worker, by its number in the system
};

inline constexpr uint64_t kNoDeadline = UINT64_MAX;
inline constexpr uint64_t kHasMore = 0;  // it gave way in the middle of its work: wake it when it is its turn again

// The NFs whose turns were chosen last, and those that are still to have theirs: the worker's own list of what to
// dispatch. It lies here so that the manager can say what a host did last when it has died. Batches follow one another;
// where there is no room for another one, it begins at 0 again. The worker writes; it is read when the worker is gone.
struct BatchLog {
  static constexpr uint32_t kKept = 120;
  uint32_t next;     // behind the one that had its turn last
  uint32_t end;      // behind those that are chosen
  uint32_t wrapped;  // where the list ended before it began at 0 again; 0: it has not
  uint32_t nfs[kKept];
};

// What a host's signal handler says of a fault that ends the host. It writes once, `signal` last.
struct CrashNote {
  std::atomic<uint32_t> signal;   // 0: nothing was caught
  std::atomic<uint32_t> nf;       // that was being dispatched by the thread of the fault; UINT32_MAX: none
  std::atomic<uint64_t> address;  // where it pointed, or where the code was
};

struct WorkerRecord {
  alignas(64) WorkerOrders orders;                    // manager writes
  alignas(64) WorkerReport report;                    // worker writes
  alignas(64) Doorbell bell;                          // both, by its protocol
  alignas(64) std::atomic<uint32_t> outbox_consumed;  // manager writes
  alignas(64) std::atomic<uint32_t> grants_consumed;  // worker writes
  std::atomic<uint32_t> inbox_consumed;               // worker writes
  std::atomic<uint32_t> grants_wanted;                // worker writes: packets at hand for its NFs to fill
  alignas(64) CrashNote crash;                        // any thread of the host, when it dies
  BatchLog batch;                                     // worker writes
};
static_assert(sizeof(WorkerRecord) == 13 * 64);

enum NfRecordState : uint32_t {
  kNfAbsent,
  kNfReady,
  kNfSuspended,
  kNfRunaway,      // a dispatch has overrun and lost its worker; its process() has not returned
  kNfQuarantined,  // it has returned since, and gets no packets until it is brought back
};
constexpr bool is_quarantined(uint32_t state) noexcept { return state >= kNfRunaway; }

// What one NF's worker may be told of it at any time; the manager's control thread writes, the worker reads.
struct NfOrders {
  std::atomic<uint32_t> weight;  // both: 0: as its worker's orders say
  std::atomic<uint32_t> burst_packets;
};

// An NF's place in its host: one cache line. While the NF is there only the worker writes to it, its orders left out;
// before it is added and after it is removed, the host's control thread; between two NFs the manager clears it. The
// manager reads `consumed` when it believes that the NF has as many packets waiting as it may, and the counters for
// reports.
struct alignas(64) NfRecord {
  std::atomic<uint32_t> consumed;  // segments that it was called with, ever, modulo 2^32
  std::atomic<uint32_t> state;     // NfRecordState
  void* nf;                        // the host's object
  std::atomic<uint64_t> packets;
  std::atomic<uint64_t> cycles;  // TSC, of its dispatches
  NfOrders orders;
};
static_assert(sizeof(NfRecord) == 64);

// Where things lie in a region; both sides compute it from the same four numbers.
struct HostLayout {
  uint32_t nfs_max = 1;
  uint8_t inbox_shift = 12;
  uint8_t outbox_shift = 12;
  uint8_t grant_shift = 8;

  size_t nfs_at() const noexcept { return line(sizeof(WorkerRecord)); }
  size_t outbox_at() const noexcept { return nfs_at() + sizeof(NfRecord) * nfs_max; }
  size_t grants_at() const noexcept { return outbox_at() + (sizeof(RingSlot) << outbox_shift); }
  size_t inbox_at() const noexcept { return line(grants_at() + (sizeof(RingSlot) << grant_shift)); }
  size_t bytes() const noexcept { return page(inbox_at() + (sizeof(RingSlot) << inbox_shift)); }

 private:
  static size_t line(size_t at) noexcept { return (at + 63) / 64 * 64; }
  static size_t page(size_t at) noexcept { return (at + 4095) / 4096 * 4096; }
};

// A mapped region.
class HostRegion {
 public:
  HostRegion() = default;
  HostRegion(std::byte* memory, const HostLayout& layout) noexcept : memory_(memory), layout_(layout) {}

  const HostLayout& layout() const noexcept { return layout_; }
  WorkerRecord& worker() const noexcept { return *at<WorkerRecord>(0); }
  NfRecord& nf(uint32_t index) const noexcept { return at<NfRecord>(layout_.nfs_at())[index]; }
  NfOrders& nf_orders(uint32_t index) const noexcept { return nf(index).orders; }
  // Both ends of the worker's rings; who takes which end sets its own cursor to zero.
  template <typename End>
  End inbox() const noexcept {
    return end<End>(layout_.inbox_at(), worker().inbox_consumed, layout_.inbox_shift);
  }
  template <typename End>
  End outbox() const noexcept {
    return end<End>(layout_.outbox_at(), worker().outbox_consumed, layout_.outbox_shift);
  }
  template <typename End>
  End grants() const noexcept {
    return end<End>(layout_.grants_at(), worker().grants_consumed, layout_.grant_shift);
  }

 private:
  template <typename T>
  T* at(size_t offset) const noexcept {
    return reinterpret_cast<T*>(memory_ + offset);
  }
  template <typename End>
  End end(size_t slots_at, std::atomic<uint32_t>& consumed, uint8_t shift) const noexcept {
    End ring;
    ring.slots = at<RingSlot>(slots_at);
    ring.consumed = &consumed;
    ring.shift = shift;
    return ring;
  }

  std::byte* memory_ = nullptr;
  HostLayout layout_;
};

}  // namespace roost

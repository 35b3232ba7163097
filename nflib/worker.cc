// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/worker.h"

#include <sched.h>

#include <algorithm>

#include "core/packet_memory.h"
#include "scheduler/policy/wake.h"

namespace roost {
namespace {

constexpr uint32_t kNoNf = UINT32_MAX;
constexpr uint32_t kTurnsLetAtRest = 2;  // one that should rest still lets others bring it something so often
constexpr uint64_t kGatherWorth = 16;    // packets expected within gather_us that make gathering worth its delay

void add(std::atomic<uint64_t>& counter, uint64_t n) noexcept {  // one writer: no locked instruction
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

constinit thread_local Worker* Worker::current_ = nullptr;

Worker::Worker(const WorkerOptions& options)
    : region_(options.region),
      orders_(region_.worker().orders),
      report_(region_.worker().report),
      bell_(region_.worker().bell),
      paths_(options.paths),
      clock_(options.tsc_hz),
      manager_eventfd_(options.manager_eventfd),
      ready_(region_.ready()),
      outbox_(region_.outbox<RingProducer>()),
      grants_(region_.grants<RingConsumer>()),
      queues_(region_.layout().nfs_max, kHandlesPerNode),
      pool_(make_stub_pool(*this)),
      fibers_(std::make_unique<FiberPool>(options.stack_bytes, kSpareStacks)) {
  report_.current_nf.store(kNoNf, std::memory_order_relaxed);
}

Worker::~Worker() = default;

void Worker::add_nf(uint32_t index, Nf* nf, uint32_t first_slot, uint8_t slot_shift) noexcept {
  NfRecord& record = region_.nf(index);
  record.inbox.slots = region_.inbox(first_slot);
  record.inbox.consumed = &record.consumed;
  record.inbox.shift = slot_shift;
  record.inbox.position = record.inbox.seen = record.consumed.load(std::memory_order_relaxed);
  record.nf = nf;
  record.state.store(kNfReady, std::memory_order_release);
}

Worker::Removal Worker::remove_nfs(uint32_t first, uint32_t count, std::chrono::milliseconds patience) {
  Removal removal = Removal::late;
  const auto remove = [&] {
    for (uint32_t nf = first; nf < first + count; ++nf)
      if (region_.nf(nf).state.load(std::memory_order_relaxed) == kNfSuspended) {
        removal = Removal::suspended;
        return;
      }
    for (uint32_t nf = first; nf < first + count; ++nf)
      region_.nf(nf).state.store(kNfAbsent, std::memory_order_relaxed);
    removal = Removal::done;
  };
  errand_.have_done(
      remove, [this] { bell_.unblock(bell_.mode()); }, patience);
  return removal;
}

void Worker::run() {
  current_ = this;
  last_tsc_ = round_tsc_ = rate_tsc_ = tsc_now();
  driver_ = fibers_->take(&Worker::enter, this);
  switch_to(thread_, *driver_);
  current_ = nullptr;
}

void Worker::stop() noexcept { stopping_.store(true); }

void Worker::enter(void* worker) { static_cast<Worker*>(worker)->drive(); }

void Worker::drive() noexcept {
  for (;;) {
    while (!stopping_.load(std::memory_order_relaxed)) {
      if (orders_.rest.load(std::memory_order_relaxed) >= kStandBy) [[unlikely]]
        give_way();
      if (resume_due()) continue;
      if (batch_next_ == batch_count_) refill();
      if (batch_next_ < batch_count_)
        dispatch(batch_[batch_next_++]);
      else
        idle();
    }
    switch_to(*driver_, thread_);
  }
}

// Chooses the NFs of the next round, round robin, and starts to bring in what dispatching them will touch: with many
// NFs all of it has gone cold, and memory answers while other NFs run.
void Worker::refill() noexcept {
  if (is_called()) answer_calls();
  ring_if_gave();
  report_.taken.store(taken_ + stalled_, std::memory_order_relaxed);
  gather();
  batch_next_ = 0;
  batch_count_ = static_cast<uint32_t>(std::min<size_t>(again_.size(), kBurstMax / 2));
  std::copy_n(again_.begin(), batch_count_, batch_);
  again_.erase(again_.begin(), again_.begin() + batch_count_);
  batch_count_ += ready_.take(batch_ + batch_count_, kBurstMax - batch_count_);
  if (batch_count_ == 0) return;
  for (uint32_t i = 0; i < batch_count_; ++i) __builtin_prefetch(&region_.nf(batch_[i]), 1);
  for (uint32_t i = 0; i < batch_count_; ++i) {
    const NfRecord& record = region_.nf(batch_[i]);
    if (record.state.load(std::memory_order_acquire) == kNfAbsent) continue;  // the rest isn't this thread's to read
    __builtin_prefetch(&record.inbox.slot());
    __builtin_prefetch(record.nf);
  }
  for (uint32_t i = 0; i < batch_count_; ++i) {
    const NfRecord& record = region_.nf(batch_[i]);
    if (record.state.load(std::memory_order_acquire) == kNfAbsent || record.inbox.empty()) continue;
    const auto handle = static_cast<uint32_t>(record.inbox.slot().packet.load(std::memory_order_relaxed));
    __builtin_prefetch(packet_view(handle), 1);
    __builtin_prefetch(packet_buffer(handle) + kHeadroomBytes);
  }
}

// What other threads want of this one.
bool Worker::is_called() const noexcept {
  return errand_.waits() || returned_.load(std::memory_order_relaxed) != kNoHandle;
}

void Worker::answer_calls() noexcept {
  take_returned();
  if (errand_.waits()) errand_.run();
}

// Under load, two rounds close together find one packet an NF and fight with the manager for the same cache lines; a
// little later there are bursts. Where few packets come, nobody waits.
void Worker::gather() noexcept {
  const uint64_t gather_cycles = clock_.from_us(orders_.gather_us.load(std::memory_order_relaxed));
  uint64_t now = tsc_now();
  const uint64_t span = now - rate_tsc_;
  if (span >= 8 * gather_cycles) {
    gathers_ = gather_cycles != 0 && (taken_ - rate_taken_) * gather_cycles >= kGatherWorth * span;
    rate_tsc_ = now;
    rate_taken_ = taken_;
  }
  if (gathers_ && again_.empty() && orders_.awake_peers.load(std::memory_order_relaxed) == 0)
    for (; now - round_tsc_ < gather_cycles; now = tsc_now()) cpu_pause();
  round_tsc_ = now;
}

void Worker::dispatch(uint32_t nf) noexcept {
  NfRecord& record = region_.nf(nf);
  const uint32_t state = record.state.load(std::memory_order_acquire);
  if (state != kNfReady) {
    if (state == kNfSuspended) note_stalled(nf);
    return;
  }
  Dispatch burst;
  burst.nf = nf;
  if (take_burst(record, burst)) again_.push_back(nf);
  if (burst.count != 0) run_hops(burst);
}

// One NF after the other, as long as the burst stays together and in this host.
void Worker::run_hops(Dispatch& burst) noexcept {
  uint64_t cycles = 0, dispatches = 0;
  do {
    NfRecord& record = region_.nf(burst.nf);
    report_.current_nf.store(burst.nf, std::memory_order_relaxed);
    running_ = &burst;
    Burst packets(burst.packets, burst.count);
    static_cast<Nf*>(record.nf)->process(packets);
    cycles += charge(record, burst.count);
    ++dispatches;
  } while (next_hop(burst));
  report_.current_nf.store(kNoNf, std::memory_order_relaxed);
  add(report_.busy_cycles, cycles);
  add(report_.dispatches, dispatches);
}

uint64_t Worker::charge(NfRecord& nf, uint32_t packets) noexcept {
  const uint64_t now = tsc_now(), cycles = now - last_tsc_;
  last_tsc_ = now;
  add(nf.packets, packets);
  add(nf.cycles, cycles);
  return cycles;
}

uint64_t Worker::waiting() const noexcept {
  return orders_.delivered.load(std::memory_order_seq_cst) - taken_ - stalled_;
}

// Asked between the announcement and the block. What waits here came just now, so its longest wait is nought.
bool Worker::has_reason_to_wake() const noexcept {
  const WakeThreshold threshold{orders_.wake_packets.load(std::memory_order_relaxed),
                                clock_.from_us(orders_.wake_deadline_us.load(std::memory_order_relaxed))};
  return stopping_.load() || is_called() || worth_waking(waiting(), 0, threshold) || next_resume_tsc() <= tsc_now();
}

void Worker::idle() noexcept {
  const uint64_t began = tsc_now();
  const uint64_t patience = clock_.from_us(orders_.spin_us.load(std::memory_order_relaxed));
  const bool spins = bell_.mode() == WaitMode::spin;
  uint32_t turns_let = 0;
  for (uint64_t now = began;; now = tsc_now()) {
    if (ready_.any() || next_resume_tsc() <= now || stopping_.load(std::memory_order_relaxed) || is_called()) {
      last_tsc_ = tsc_now();
      return;
    }
    if (!spins && now - began >= patience) break;
    const uint32_t rest = orders_.rest.load(std::memory_order_relaxed);
    if (!spins && (rest >= kRestWhenDry || (rest == kRestSoon && turns_let >= kTurnsLetAtRest))) break;
    if (orders_.awake_peers.load(std::memory_order_relaxed) != 0) {
      sched_yield();  // the packet that this worker waits for may be another's to bring
      add(report_.yields, 1);
      ++turns_let;
    } else {
      for (int i = 0; i < 8; ++i) cpu_pause();
    }
  }
  // The manager's wheel counts from here: what waits below the threshold has its deadline too.
  const uint64_t deadline =
      waiting() == 0
          ? kNoDeadline
          : wake_due(tsc_now(), {0, clock_.from_us(orders_.wake_deadline_us.load(std::memory_order_relaxed))});
  fall_asleep(std::min(next_resume_tsc(), deadline));
}

}  // namespace roost

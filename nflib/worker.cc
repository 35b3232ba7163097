// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/worker.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "core/packet_memory.h"
#include "scheduler/policy/wake.h"

namespace roost {
namespace {

constexpr uint32_t kNoNf = UINT32_MAX;
constexpr uint64_t kWakeUs = 20;        // what waking a halted core takes, roughly
constexpr uint64_t kLongUs = 100;       // a dispatch of this length may have been interrupted
constexpr uint64_t kSampleUs = 10'000;  // under load, the thread's own time is asked for this often
constexpr uint64_t kGatherWorth = 16;   // packets expected within gather_us that make gathering worth its delay

}  // namespace

constinit thread_local std::atomic<Worker*> Worker::current_{nullptr};

Worker::Worker(const WorkerOptions& options)
    : region_(options.region),
      orders_(region_.worker().orders),
      report_(region_.worker().report),
      bell_(region_.worker().bell),
      paths_(options.paths),
      clock_(options.tsc_hz),
      manager_eventfd_(options.manager_eventfd),
      inbox_(region_.inbox<RingConsumer>()),
      outbox_(region_.outbox<RingProducer>()),
      grants_(region_.grants<RingConsumer>()),
      waiting_(region_.layout().nfs_max, kHandlesPerNode),
      queues_(region_.layout().nfs_max, kHandlesPerNode),
      pool_(make_stub_pool(*this)),
      batch_(region_.worker().batch),
      turns_due_(region_.layout().nfs_max),
      queued_(region_.layout().nfs_max),
      turns_(region_.layout().nfs_max),
      spin_(clock_.from_us(kWakeUs)),
      long_cycles_(clock_.from_us(kLongUs)),
      sample_cycles_(clock_.from_us(kSampleUs)),
      fibers_(std::make_unique<FiberPool>(options.stack_bytes, kSpareStacks)) {
  report_.current_nf.store(kNoNf, std::memory_order_relaxed);
}

Worker::~Worker() = default;

void Worker::add_nf(uint32_t index, Nf* nf, bool quarantined) noexcept {
  NfRecord& record = region_.nf(index);
  record.nf = nf;
  record.state.store(quarantined ? kNfQuarantined : kNfReady, std::memory_order_release);
  if (quarantined) return;
  // What came for it while it was started.
  if (NfEvents* const events = events_.load(std::memory_order_acquire)) events->resume(index);
}

Worker::Removal Worker::remove_nfs(uint32_t first, uint32_t count, std::chrono::milliseconds patience) {
  Removal removal = Removal::late;
  const auto remove = [&] {
    for (uint32_t nf = first; nf < first + count; ++nf)
      if (const uint32_t state = region_.nf(nf).state.load(std::memory_order_relaxed);
          state == kNfSuspended || state == kNfRunaway) {
        removal = Removal::suspended;
        return;
      }
    for (uint32_t nf = first; nf < first + count; ++nf) {
      region_.nf(nf).state.store(kNfAbsent, std::memory_order_relaxed);
      if (turns_[nf].credit.round != 0) turns_[nf] = {};  // written only where it was used
    }
    removal = Removal::done;
  };
  errand_.have_done(
      remove, [this] { bell_.unblock(bell_.mode()); }, patience);
  return removal;
}

Worker::Ended Worker::run() {
  last_tsc_ = round_tsc_ = rate_tsc_ = tsc_now();
  return drive_on(*fibers_->take(&Worker::enter, this));
}

Worker::Ended Worker::run_on() {
  last_tsc_ = round_tsc_ = rate_tsc_ = tsc_now();
  return drive_on(*driver_);
}

// The thread lends its stack to fibers, until the worker stops or the thread loses it.
Worker::Ended Worker::drive_on(Fiber& driver) {
  Fiber home;
  home_ = &home;
  driver_ = &driver;
  current_.store(this, std::memory_order_relaxed);
  thread_id_.store(gettid(), std::memory_order_release);
  report_.thread.store(static_cast<uint32_t>(gettid()), std::memory_order_relaxed);
  go_to_core();
  switch_to(home, driver);
  current_.store(nullptr, std::memory_order_relaxed);
  Runaway* const lost = runaway_.exchange(nullptr, std::memory_order_relaxed);
  if (lost == nullptr) return Ended::stopped;
  // Parked: its fiber and its burst can be the worker's again.
  lost->next = finished_.load(std::memory_order_relaxed);
  while (!finished_.compare_exchange_weak(lost->next, lost, std::memory_order_release)) continue;
  return Ended::lost;
}

uint32_t Worker::nf_of_thread() noexcept {
  if (const Runaway* const lost = runaway_.load(std::memory_order_relaxed)) return lost->nf;
  const Worker* const worker = current();
  return worker == nullptr ? kNoNf : worker->report_.current_nf.load(std::memory_order_relaxed);
}

void Worker::stop(bool stops) noexcept { stopping_.store(stops); }

void Worker::enter(void* worker) { static_cast<Worker*>(worker)->drive(); }

void Worker::drive() noexcept {
  for (;;) {
    while (!stopping_.load(std::memory_order_relaxed)) {
      if (orders_.rest.load(std::memory_order_relaxed) >= kStandBy) [[unlikely]]
        give_way();
      if (resume_sleeper()) continue;
      if (batch_.next == batch_.end) {
        if (call_event() || resume_yielded()) continue;
        refill();
      }
      if (batch_.next == batch_.end)
        idle();
      else if (fair_)
        dispatch(batch_.nfs[batch_.next++], drr_);
      else
        dispatch(batch_.nfs[batch_.next++], round_robin_);
    }
    switch_to(*driver_, *home_);
  }
}

// Where the next batch goes: behind the last, as long as the log has room for a whole one.
uint32_t* Worker::begin_batch() noexcept {
  batch_first_ = batch_.end;
  if (batch_first_ + kBurstMax > BatchLog::kKept) {
    batch_.wrapped = batch_first_;
    batch_first_ = 0;
  }
  batch_.next = batch_.end = batch_first_;
  return batch_.nfs + batch_first_;
}

// Chooses the NFs of the next batch, in a circle, and starts to bring in what dispatching them will touch: with many
// NFs all of it has gone cold, and memory answers while other NFs run.
void Worker::refill() noexcept {
  resumes_left_ = kResumesMax;
  if (is_called()) answer_calls();
  ring_if_gave();
  report_.taken.store(taken_ + stalled_, std::memory_order_relaxed);
  gather();
  take_in();
  begin_round();
  uint32_t* const batch = begin_batch();
  uint32_t count = choose(batch);
  if (count == 0 && (!held_.empty() || !turns_due_.empty())) {
    begin_round();
    count = choose(batch);
  }
  batch_.end += count;
  for (uint32_t i = 0; i < count; ++i) {
    const NfRecord& record = region_.nf(batch[i]);
    if (record.state.load(std::memory_order_acquire) == kNfAbsent) continue;  // the rest isn't this thread's to read
    __builtin_prefetch(record.nf);
    waiting_.prefetch(batch[i]);
    if (fair_) __builtin_prefetch(&turns_[batch[i]], 1);
  }
  for (uint32_t i = 0; i < count; ++i) waiting_.look_ahead(waiting_.of(batch[i]), 1, prefetch_packet);
}

// Of this round: first those that had no turn in the last one.
uint32_t Worker::choose(uint32_t* batch) noexcept {
  uint32_t count = 0;
  while (count < kBurstMax && first_at_ < first_.size()) batch[count++] = first_[first_at_++];
  count += turns_due_.take(batch + count, kBurstMax - count);
  for (uint32_t i = 0; i < count; ++i) {
    queued_[batch[i]] = false;
    __builtin_prefetch(&region_.nf(batch[i]), 1);
  }
  return count;
}

// What other threads want of this one.
bool Worker::is_called() const noexcept {
  return errand_.waits() || returned_.load(std::memory_order_relaxed) != kNoHandle ||
         finished_.load(std::memory_order_relaxed) != nullptr;
}

void Worker::answer_calls() noexcept {
  take_returned();
  take_finished();
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
  if (gathers_ && turns_due_.empty() && held_.empty() && orders_.awake_peers.load(std::memory_order_relaxed) == 0)
    for (; now - round_tsc_ < gather_cycles; now = tsc_now()) cpu_pause();
  round_tsc_ = now;
}

template <typename Order>
void Worker::dispatch(uint32_t nf, Order& order) noexcept {
  constexpr bool kFair = std::is_same_v<Order, DeficitRoundRobin>;
  NfRecord& record = region_.nf(nf);
  if (queued_[nf]) return;  // it got packets in this round, between two hops; it has its turn with those that wait
  const uint32_t state = record.state.load(std::memory_order_acquire);
  if (state != kNfReady) {
    if (state == kNfSuspended) note_stalled(nf);
    if (is_quarantined(state)) return_waiting(nf);
    return;
  }
  uint32_t most = burst_most(nf);
  if constexpr (kFair) {
    most = fair_burst(nf, most);
    if (most == 0) {
      queued_[nf] = true;
      return held_.push_back(nf);
    }
  }
  if (kFair && most * turns_[nf].credit.cost() > long_cycles_) sample_time();
  Dispatch burst;
  burst.nf = nf;
  const bool more = take_burst(burst, most);
  if (!kFair && more) queue_again(nf);
  burst.entry = nf;
  burst.more = kFair && more;
  if (burst.count != 0) run_hops(burst, order);
  if constexpr (kFair) {
    // The fiber may be another batch's now: it has waited inside process().
    if (!more)
      order.rests(turns_[nf].credit);
    else if (goes_on(nf) && batch_.next != batch_first_)
      batch_.nfs[--batch_.next] = nf;  // its turn isn't over
    else
      queue_again(nf);
  }
}

// By what the NF can afford, and the narrowest hop of the run that its packets took last: packets are not taken into a
// run that has spent its part. And by the room that there is for what leaves.
uint32_t Worker::fair_burst(uint32_t nf, uint32_t most) noexcept {
  Turn& turn = turns_[nf];
  most = drr_.turn(turn.credit, weight_of(nf), most);
  if (most != 0 && turn.narrow != 0) most = drr_.turn(turns_[turn.narrow - 1].credit, weight_of(turn.narrow - 1), most);
  if (outbox_.room() < most) {
    outbox_.refresh();
    most = std::clamp(outbox_.room(), 1u, most);  // one packet waits for its room
  }
  return most;
}

bool Worker::goes_on(uint32_t nf) const noexcept {
  const Turn& turn = turns_[nf];
  return drr_.goes_on(turn.credit) && (turn.narrow == 0 || drr_.goes_on(turns_[turn.narrow - 1].credit));
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
  const uint64_t most = clock_.from_us(orders_.spin_us.load(std::memory_order_relaxed));
  const bool adapts = orders_.spin_adaptive.load(std::memory_order_relaxed) != 0;
  const uint64_t patience = adapts ? spin_.patience(most) : FixedSpin().patience(most);
  const bool spins = bell_.mode() == WaitMode::spin;
  bool alone = true;
  for (uint64_t now = began;; now = tsc_now()) {
    const bool has_packets = !inbox_.empty();
    if (has_packets || next_resume_tsc() <= now || stopping_.load(std::memory_order_relaxed) || is_called()) {
      if (has_packets && alone && adapts) spin_.paid(now - began, most);
      last_tsc_ = tsc_now();
      return;
    }
    if (!spins && orders_.rest.load(std::memory_order_relaxed) >= kRestWhenDry) break;
    if (orders_.awake_peers.load(std::memory_order_relaxed) == 0) {
      if (!spins && now - began >= patience) break;
      for (int i = 0; i < 8; ++i) cpu_pause();
      continue;
    }
    // Another is up, and can have the core without a halt and an interrupt in between: that was worth the look. It may
    // bring the packet that this worker waits for; so this one sleeps only when the other has had its turn.
    if (!spins && (!alone || most == 0)) break;
    if (alone && adapts) spin_.paid(now - began, most);
    alone = false;
    sched_yield();
    add(report_.yields, 1);
    stolen_.forget();
  }
  // The manager's wheel counts from here: what waits below the threshold has its deadline too.
  const uint64_t deadline =
      waiting() == 0
          ? kNoDeadline
          : wake_due(tsc_now(), {0, clock_.from_us(orders_.wake_deadline_us.load(std::memory_order_relaxed))});
  const bool slept = fall_asleep(std::min({next_resume_tsc(), deadline, look_for_runaways_tsc()}));
  if (slept && alone && adapts) spin_.slept(last_tsc_ - began, most);
}

}  // namespace roost

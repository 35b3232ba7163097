// SPDX-License-Identifier: BSD-3-Clause
// The manager is gone, and another one has taken its place, with memory of its own: the worker goes on with what its
// NFs have, and with nothing that was the old manager's. Its threads stand still meanwhile.
#include <array>

#include "nflib/worker.h"

namespace roost {
namespace {

// Descriptors that lie in the ring, unread.
uint32_t unread(RingConsumer ring) noexcept {
  uint32_t count = 0;
  for (Descriptor ignored; count < ring.capacity() && ring.pop(ignored);) ++count;
  return count;
}

}  // namespace

// A thread that has lost the worker is in the middle of process(), with a burst.
bool Worker::may_change_hands() const noexcept {
  return runaways_.load(std::memory_order_relaxed) == 0 && finished_.load(std::memory_order_relaxed) == nullptr;
}

// Every handle comes by the inbox or as a grant, and leaves by the outbox: so counting costs the packet path nothing.
uint32_t Worker::take_stock(const std::vector<uint32_t>& places) noexcept {
  for (const uint32_t place : places) return_queue(place);
  take_returned();
  const uint32_t came = inbox_.position + grants_.position;
  return came - waiting_.count() - outbox_.position - unsent_;
}

// What is in the outbox the manager had already, or nearly: how far it has come there it tells a quarter of the ring at
// a time.
uint32_t Worker::left_behind() const noexcept { return unsent_ + unread(inbox_) + waiting_.count(); }

void Worker::change_hands(const std::vector<Place>& nfs, int manager_eventfd, const std::function<void()>& map_over) {
  struct Kept {
    void* nf;
    uint32_t state;
  };
  std::vector<Kept> kept;
  kept.reserve(nfs.size());
  for (const Place& each : nfs) {
    const NfRecord& record = region_.nf(each.place);
    kept.push_back({record.nf, record.state.load(std::memory_order_relaxed)});
  }
  const uint32_t wanted = region_.worker().grants_wanted.load(std::memory_order_relaxed);
  map_over();
  region_.worker().grants_wanted.store(wanted, std::memory_order_relaxed);
  report_.current_nf.store(UINT32_MAX, std::memory_order_relaxed);
  for (size_t i = 0; i < nfs.size(); ++i) {
    NfRecord& record = region_.nf(nfs[i].place);
    record.nf = kept[i].nf;
    // One that waits in the middle of a timer's call, say, says itself when it is ready.
    const bool waits = kept[i].state == kNfSuspended;
    record.state.store(waits                ? kNfSuspended
                       : nfs[i].quarantined ? kNfQuarantined
                                            : kNfReady,
                       std::memory_order_release);
    if (waits || nfs[i].quarantined || kept[i].state != kNfQuarantined) continue;
    if (NfEvents* const events = events_.load(std::memory_order_acquire)) events->resume(nfs[i].place);
  }
  manager_eventfd_ = manager_eventfd;
  inbox_ = region_.inbox<RingConsumer>();
  outbox_ = region_.outbox<RingProducer>();
  grants_ = region_.grants<RingConsumer>();
  unsent_ = 0;
  forget_packets();
  for (const auto* const waiting : {&yielded_, &asleep_})
    for (Dispatch* const burst : *waiting) burst->stalled = 0;
  taken_ = stalled_ = rate_taken_ = 0;
  cpu_orders_ = 0;
  gathers_ = gave_ = false;
  stolen_.forget();
}

// What waits for NFs lies in memory that is gone; so nobody is due for a turn. The batch's log is the new manager's.
void Worker::forget_packets() noexcept {
  waiting_.clear();
  std::array<uint32_t, kBurstMax> due{};
  while (!turns_due_.empty()) {
    const uint32_t count = turns_due_.take(due.data(), kBurstMax);
    for (uint32_t i = 0; i < count; ++i) queued_[due[i]] = false;
  }
  for (const auto* const list : {&first_, &held_})
    for (const uint32_t nf : *list) queued_[nf] = false;
  first_.clear();
  held_.clear();
  first_at_ = 0;
  batch_first_ = 0;
}

}  // namespace roost

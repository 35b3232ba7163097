// SPDX-License-Identifier: BSD-3-Clause
// Turns on a shared core that more than one worker wants. The first of those that are up has the turn; when it has had
// turn_us and another is entitled to more, it is told to give way, which it does between two dispatches. What it is
// charged is what it reports, put right by what the kernel says that it had (cpu_account.h).
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint64_t kBelievedTurns = 8, kBelieved_us = 20'000;  // on the clock, while a worker reports less than a turn
constexpr uint64_t kAlone = 10;                                // times as long, where no other got on either
constexpr uint64_t kLeft_us = 50'000;      // after that one that was left behind is told to give way, too
constexpr uint64_t kLookInto_us = 100;     // a report of more is compared with what the kernel says
constexpr uint64_t kLookAfter_us = 5'000;  // and the small ones, this often
constexpr uint64_t kVisitMost_us = 15;     // what a worker uses besides, each time that it is up, is not looked into
constexpr uint64_t kMeterLag_us = 10'000;  // a tick of the kernel's clock, or more

uint64_t busy_of(const HostState& host) noexcept {
  return host.region.worker().report.busy_cycles.load(std::memory_order_relaxed);
}

}  // namespace

void DataLoop::begin_contention(SharedCore& core) noexcept {
  core.contended = true;
  core.turn_tsc = now_;
  core.claimed = 0;
  core.used_up = 0;
  ++core.contention;
  for (HostState* host : core.awake) {  // what they have had while nobody else wanted it is free
    host->contention = core.contention;
    open_account(*host);
    core.queue->present(host->waiter);
    host->makes_room = false;
  }
  give_orders(core);
}

void DataLoop::end_contention(SharedCore& core) noexcept {
  core.contended = false;
  core.squatters = core.used_up = 0;
  for (HostState* host : core.awake) {
    core.queue->absent(host->waiter);
    host->gives_way = host->stands_by = host->squats = false;
  }
  give_orders(core);
}

// Once a turn, for a core with more than one worker up.
void DataLoop::look_at_turn(uint32_t number) noexcept {
  SharedCore& core = cores_[number];
  look_who_holds(core);
  const auto want =
      static_cast<size_t>(std::count_if(core.awake.begin(), core.awake.end(),
                                        [](const HostState* host) { return wants(*host) && !host->squats; })) +
      core.queue->waiting();
  if (!core.contended) {
    fill(core);  // awake_max may be another now
    // Whoever was asked to make room for the one that waits has not: an NF that waits in the middle of its work keeps
    // its worker up, with no packets.
    if (want > 1 || core.queue->waiting() != 0) begin_contention(core);
    return watch(number);
  }
  if (want < 2 && core.queue->waiting() == 0) {
    end_contention(core);
    return watch(number);
  }
  const uint64_t turn = clock_.from_us(settings_.get(Setting::turn_us));
  const uint64_t left = core.awake.empty() ? turn : end_turns(core, turn);
  wheel_.arm(static_cast<uint32_t>(hosts_.size()) + number, now_ + left);
}

// Whoever has had the core for a turn. Returns when to look again. The kernel may have let one go before the other, or
// somebody else's process before both: so a turn is what the worker reports to have used, and its length on the clock
// bounds only how long that is believed.
uint64_t DataLoop::end_turns(SharedCore& core, uint64_t turn) noexcept {
  HostState& holder = *core.awake.front();
  uint64_t by_others = core.claimed;
  for (HostState* other : core.awake) {
    if (other == &holder && !holder.squats) continue;
    const uint64_t busy = busy_of(*other) - other->busy_seen;
    by_others += busy;
    const bool left = other->squats && now_ - other->woken_tsc >= clock_.from_us(kLeft_us);
    if (other->gives_way || (!left && busy < turn)) continue;
    other->gives_way = true;
    counters_.turns_ended.add(1);
  }
  const uint64_t used = std::min(busy_of(holder) - holder.busy_seen, turn),
                 passed = now_ - std::min(core.turn_tsc, now_);
  // Where nobody got anywhere, the whole core was somebody else's.
  const uint64_t believed = believed_cycles();
  if (!holder.squats && passed >= (by_others >= turn ? believed : kAlone * believed))
    leave_behind(core);
  else if (!holder.squats && !holder.gives_way && used >= turn - turn / 8)
    end_turn(core);
  give_orders(core);
  fill(core);
  return std::max(turn - used, turn / 4);
}

// The first has used up its turn.
void DataLoop::end_turn(SharedCore& core) noexcept {
  charge_turn(core);
  core.used_up = std::min(core.used_up + SharedCore::kUsedUpAgain, SharedCore::kUsedUpMost);
  HostState& holder = *core.awake.front();
  HostState* const second = core.awake.size() > 1 && !core.awake[1]->squats ? core.awake[1] : nullptr;
  const CoreWaiter* const first = core.queue->first();
  const auto behind = [&](const CoreWaiter* other) {
    return other == nullptr || core.queue->goes_on(holder.waiter, *other);
  };
  if (!behind(second == nullptr ? first : &second->waiter)) {
    holder.gives_way = true;
    counters_.turns_ended.add(1);
  } else {
    // The next one is up, and the kernel would share the core out evenly: it stands by. Where one who came later is
    // entitled to more, that one will be the next.
    if (second != nullptr && core.full_turns()) (behind(first) ? second->stands_by : second->gives_way) = true;
    counters_.turns_renewed.add(1);
  }
  if (!core.full_turns()) return;
  for (size_t i = 2; i < core.awake.size(); ++i) core.awake[i]->gives_way = true;  // from when turns were short
}

// It has the turn, and has not given way, or has not been let onto the core: the core goes on without waiting for it.
void DataLoop::leave_behind(SharedCore& core) noexcept {
  HostState& holder = *core.awake.front();
  holder.squats = true;
  charge_turn(core);
  holder.woken_tsc = now_;  // left behind since
  ++core.squatters;
  counters_.squats.add(1);
  std::rotate(core.awake.begin(), core.awake.begin() + 1, core.awake.end());
  HostState& next = *core.awake.front();
  if (!next.squats) next.gives_way = next.stands_by = false;
}

// So long a worker may have been on its way to reporting a turn. Where it is more, the machine did something else, and
// nobody here pays for that.
uint64_t DataLoop::believed_cycles() const noexcept {
  return clock_.from_us(std::max(kBelievedTurns * settings_.get(Setting::turn_us), kBelieved_us));
}

void DataLoop::open_account(HostState& host) noexcept {
  host.busy_seen = busy_of(host);
  host.cpu.open(now_);
}

// What it has used since it was charged last, or came up.
uint64_t DataLoop::charge(SharedCore& core, HostState& host) noexcept {
  const uint64_t busy = busy_of(host), up = now_ - std::min(host.woken_tsc, now_);
  const uint64_t reported = std::min(busy - std::exchange(host.busy_seen, busy), up);
  const CpuAccount::Patience patience{clock_.from_us(kLookInto_us), clock_.from_us(kLookAfter_us),
                                      clock_.from_us(kVisitMost_us), clock_.from_us(kMeterLag_us)};
  const uint64_t used = std::min(host.cpu.charge(reported, now_, patience, host.squats), believed_cycles());
  core.queue->charge(host.waiter, used);
  core.charged += used;
  return used;
}

// The one that has the turn.
void DataLoop::charge_turn(SharedCore& core) noexcept {
  charge(core, *core.awake.front());
  core.claimed = 0;
  core.turn_tsc = now_;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The watchdog: which workers have been at one dispatch for too long. Only those that are up are looked at, a few times
// in overrun_us. What a host's report says is a hint: it decides about that host's own NFs, and nothing else.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint64_t kLookLeast_us = 1'000;       // as often as there is housekeeping
constexpr uint64_t kStuckAfter_us = 3'000'000;  // a host that has not let go of the dispatch by then never will

}  // namespace

// Counted in sightings, not in time: a machine that stood still for a while has not seen the worker at work. And a
// worker that others kept from the processor has not been at work either.
void DataLoop::watch_dispatches() noexcept {
  const uint64_t limit_us = settings_.get(Setting::overrun_us);
  const uint64_t look_us = std::max(kLookLeast_us, limit_us / 4);
  if (now_ - watch_tsc_ < clock_.from_us(look_us)) return;
  watch_tsc_ = now_;
  if (!asked_.empty()) watch_asked();
  if (limit_us == 0 || !tell_overrun_) return;
  sightings_wanted_ = static_cast<uint32_t>(std::max<uint64_t>(1, limit_us / look_us));
  watch_ran_ = clock_.from_us(limit_us > look_us ? limit_us - look_us : 0);
  for (HostState* host : awake_) see_dispatch(*host);
}

void DataLoop::see_dispatch(HostState& host) noexcept {
  const WorkerReport& report = host.region.worker().report;
  const uint32_t nf = report.current_nf.load(std::memory_order_relaxed);
  const uint64_t dispatches = report.dispatches.load(std::memory_order_relaxed);
  if (nf != host.watched_nf || dispatches != host.watched_dispatches) {
    host.watched_nf = nf;
    host.watched_dispatches = dispatches;
    host.watched_ran = host.cpu.ran().value_or(0);
    host.sightings = 0;
    host.accused = false;
  } else if (nf < host.region.layout().nfs_max && !host.accused && ++host.sightings % sightings_wanted_ == 0) {
    const auto ran = host.cpu.ran();
    host.accused = !ran || *ran - host.watched_ran >= watch_ran_;
    tell_overrun_({Overrun::Kind::seen, host.id, nf, dispatches, host.accused});
  }
}

// What has become of the dispatches that hosts were asked to leave: each is told once. Of an NF that has gone meanwhile
// there is nothing to tell: its number and its place may be another's.
void DataLoop::watch_asked() noexcept {
  std::erase_if(asked_, [this](const AskedHost& asked) {
    HostState* const host = hosts_[asked.host].get();
    const NfState& nf = nfs_[asked.nf];
    if (host == nullptr || !host->live || host->generation != asked.generation || nf.born != asked.born ||
        nf.life == NfLife::absent)
      return true;
    const WorkerReport& report = host->region.worker().report;
    const auto tell = [&](Overrun::Kind kind) {
      tell_overrun_({kind, asked.host, asked.local, asked.dispatches});
      return true;
    };
    const bool same = report.dispatches.load(std::memory_order_acquire) == asked.dispatches &&
                      report.current_nf.load(std::memory_order_relaxed) == asked.local;
    if (same) return now_ - asked.tsc > clock_.from_us(kStuckAfter_us) && tell(Overrun::Kind::stuck);
    const uint32_t state = host->region.nf(asked.local).state.load(std::memory_order_relaxed);
    if (is_quarantined(state)) return tell(Overrun::Kind::taken);
    // A later dispatch may have been told of while this one was still asked for, to no effect: it is counted anew.
    host->sightings = 0;
    host->accused = false;
    return tell(Overrun::Kind::ended);
  });
}

void DataLoop::quarantine_nf(uint32_t nf, std::optional<uint64_t> dispatches) {
  NfState& state = nfs_[nf];
  if (takes_packets(state.life)) {
    state.life = NfLife::quarantined;
    services_[state.service].members.remove(nf);
    ++departures_;  // flows look again, each at its next packet
  } else if (state.life == NfLife::leaving) {
    state.life = NfLife::held;
  } else {
    return;
  }
  if (hosts_[state.host]->elsewhere != HostState::kHere) return;
  if (!dispatches) return;
  asked_.push_back({state.host, hosts_[state.host]->generation, nf, state.born, state.local, *dispatches, tsc_now()});
}

void DataLoop::release_nf(uint32_t nf) {
  NfState& state = nfs_[nf];
  if (state.life == NfLife::held) state.life = NfLife::leaving;
  if (state.life != NfLife::quarantined) return;
  state.life = NfLife::live;
  services_[state.service].members.add(nf);
  ++departures_;  // paths that were found to lack it are looked at again
}

}  // namespace roost

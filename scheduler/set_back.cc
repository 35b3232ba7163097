// SPDX-License-Identifier: BSD-3-Clause
// Workers that hold a shared core while others want it come last there for a while (policy/set_back.h). It is the
// thread that drives the worker that the kernel is told of, and whichever the host reports: one of the host's own it
// has to be, and where that is not the worker, the host has only itself to blame.
#include <algorithm>

#include "scheduler/data_loop.h"

namespace roost {
namespace {

constexpr uint64_t kHeldTurns = 2, kFirstTurns = 4, kMostTurns = 128;

}  // namespace

// Once a turn, while more than one worker is up.
void DataLoop::look_who_holds(SharedCore& core) noexcept {
  if (!order_thread_ || settings_.get(Setting::set_back) == 0) {
    for (HostState* host : core.awake) {
      host->holds.begin(now_);
      set_back(core, *host, false);
    }
    return;
  }
  const uint64_t turn = clock_.from_us(settings_.get(Setting::turn_us));
  const SetBack::Times times{kHeldTurns * turn, kFirstTurns * turn, kMostTurns * turn, turn};
  const auto wants_it = [](const HostState* host) { return host->thread_back == 0 && wants(*host); };
  auto want = std::count_if(core.awake.begin(), core.awake.end(), wants_it);
  for (HostState* host : core.awake) {
    know_thread(*host);
    const WorkerReport& report = host->region.worker().report;
    const bool itself = wants_it(host);
    const SetBack::Sight sight{now_,
                               report.dispatches.load(std::memory_order_relaxed),
                               report.current_nf.load(std::memory_order_relaxed) < host->region.layout().nfs_max,
                               host->gives_way,
                               want > itself,
                               core.charged};
    const bool back = host->holds.look(sight, times, [host] { return host->cpu.ran().value_or(0); });
    set_back(core, *host, back);
    want += wants_it(host) - itself;
  }
}

// A thread that is new to the manager comes forward, whatever a manager before this one, or an NF that has overrun on
// it, has left it as.
void DataLoop::know_thread(HostState& host) noexcept {
  const auto thread = static_cast<pid_t>(host.region.worker().report.thread.load(std::memory_order_relaxed));
  if (thread == host.thread || !order_thread_) return;
  if (order_thread_(host.process, thread, ThreadOrder::in_turns)) host.thread = thread;
}

void DataLoop::set_back(SharedCore& core, HostState& host, bool back) noexcept {
  if (back == (host.thread_back != 0)) return;
  if (!back) {
    order_thread_(host.process, std::exchange(host.thread_back, 0), ThreadOrder::in_turns);
    --core.set_back;
    return;
  }
  if (!order_thread_(host.process, host.thread, ThreadOrder::last)) return;
  host.thread_back = host.thread;
  ++core.set_back;
  counters_.set_backs.add(1);
  for (HostState* other : core.awake) other->stands_by = false;  // it would yield to this one, and get nowhere
  give_orders(core);
}

}  // namespace roost

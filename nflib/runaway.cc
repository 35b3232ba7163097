// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/runaway.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/error.h"

namespace roost {
namespace {

// The first pauses are short, and the moments long: a thread that was stopped inside malloc() is soon out of it. In the
// long run all runaways of a worker together have a thousandth of its core.
constexpr uint32_t kPauseLeast_us = 1'000, kPauseMost_us = 100'000;
constexpr long kFirstMoments_ns = 500'000, kMoment_ns = 100'000;

}  // namespace

int Runaway::signal_number() noexcept { return SIGRTMIN + 9; }

Runaway::Runaway(pid_t thread, uint32_t nf_index, uint64_t at_dispatches)
    : nf(nf_index), dispatches(at_dispatches), pause_us_(kPauseLeast_us) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal_number();
  event._sigev_un._tid = thread;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
    fail_errno("overrun: no timer for thread {} (limits: ulimit -i)", thread);
}

Runaway::~Runaway() { timer_delete(timer_); }

// Nothing here but system calls that a signal handler may do.
void Runaway::park() noexcept {
  if (!parks_.load(std::memory_order_relaxed)) return;
  const timespec pause{0, static_cast<long>(pause_us_) * 1'000};
  syscall(SYS_ppoll, nullptr, 0, &pause, nullptr, 0);
  const uint32_t runaways = siblings == nullptr ? 1 : siblings->load(std::memory_order_relaxed);
  pause_us_ = std::min(2 * pause_us_, std::min(kPauseMost_us * std::max(runaways, 1u), 900'000u));
  const itimerspec moment{{}, {0, pause_us_ < kPauseMost_us ? kFirstMoments_ns : kMoment_ns}};
  timer_settime(timer_, 0, &moment, nullptr);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Baseline "bare futex": a wake-up with nothing of Roost between the two sides.
#pragma once

#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {

// One process that sleeps on core 1 and one that wakes it from core 0, with nothing else between them.
class FutexPair {
 public:
  FutexPair() {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail_errno("futex pair: shared memory");
    shared_ = new (memory) Shared{};
    child_ = fork();
    if (child_ < 0) fail_errno("futex pair: fork");
    if (child_ == 0) answer();
  }
  ~FutexPair() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    munmap(shared_, sizeof(Shared));
  }
  FutexPair(const FutexPair&) = delete;
  FutexPair& operator=(const FutexPair&) = delete;

  // Median of wake-ups at this pace, TSC cycles from just before the wake-up until the other runs.
  double wake_cycles(double per_s, double seconds) {
    const auto period = static_cast<uint64_t>(static_cast<double>(measure_tsc_hz()) / per_s);
    std::vector<double> times;
    const double end = seconds_now() + seconds;
    for (uint64_t next = tsc_now() + period; seconds_now() < end; next = tsc_now() + period) {
      while (tsc_now() < next) cpu_pause();
      const uint64_t began = tsc_now();
      const uint32_t turn = shared_->turn.load() + 1;
      shared_->turn.store(turn);
      syscall(SYS_futex, &shared_->turn, FUTEX_WAKE, 1, nullptr, nullptr, 0);
      while (shared_->answered.load() != turn) cpu_pause();
      times.push_back(static_cast<double>(shared_->ran_tsc - began));
    }
    return spread_of(times).median;
  }

 private:
  struct Shared {
    alignas(64) std::atomic<uint32_t> turn;
    alignas(64) std::atomic<uint32_t> answered;
    uint64_t ran_tsc;
  };

  [[noreturn]] void answer() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin_to(1);
    for (uint32_t seen = 0;;) {
      while (shared_->turn.load() == seen) syscall(SYS_futex, &shared_->turn, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      shared_->ran_tsc = tsc_now();
      seen = shared_->turn.load();
      shared_->answered.store(seen);
    }
  }

  Shared* shared_;
  pid_t child_;
};

}  // namespace roost::experiment

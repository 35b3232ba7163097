// SPDX-License-Identifier: BSD-3-Clause
// A wake-up through the doorbell, from the decision until the worker answers, beside the limit: a bare futex, between
// the same two cores (range 1) and on one core (range 0).
#include <benchmark/benchmark.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/clock.h"
#include "core/doorbell.h"

namespace roost {
namespace {

constexpr uint64_t kLast = UINT64_MAX;

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  sched_setaffinity(0, sizeof set, &set);
}

// On one core a waker that polls would keep the other from running.
void relax(bool same_core) {
  if (same_core)
    sched_yield();
  else
    cpu_pause();
}

template <typename Wake>
void measure(benchmark::State& state, const Wake& wake, std::atomic<uint64_t>& answered) {
  const bool same_core = state.range(0) == 0;
  uint64_t turn = 0;
  for (auto _ : state) {
    const auto began = std::chrono::steady_clock::now();
    wake(++turn);
    while (answered.load() != turn) relax(same_core);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    // The other one is asleep again before it is woken next.
    if (same_core)
      sched_yield();
    else
      usleep(50);
  }
}

void doorbell_wake(benchmark::State& state) {
  const bool same_core = state.range(0) == 0;
  Doorbell bell;
  bell.init(WaitMode::futex);
  std::atomic<uint64_t> work{0}, answered{0};
  std::thread worker([&] {
    pin_to(same_core ? 0 : 1);
    for (uint64_t seen = 0; seen != kLast;) {
      bell.sleep([&] { return work.load() != seen; });
      answered.store(seen = work.load());
    }
  });
  pin_to(0);
  const auto wake = [&](uint64_t turn) {
    work.store(turn);
    if (bell.park() && bell.release()) bell.unblock(WaitMode::futex);
  };
  measure(state, wake, answered);
  while (answered.load() != kLast) {
    wake(kLast);
    sched_yield();
  }
  worker.join();
}
BENCHMARK(doorbell_wake)->Arg(0)->Arg(1)->UseManualTime();

void limit_futex_wake(benchmark::State& state) {
  const bool same_core = state.range(0) == 0;
  std::atomic<uint32_t> word{0};
  std::atomic<uint64_t> work{0}, answered{0};
  std::thread other([&] {
    pin_to(same_core ? 0 : 1);
    for (uint64_t seen = 0; seen != kLast;) {
      const uint32_t before = word.load();
      if (work.load() == seen) syscall(SYS_futex, &word, FUTEX_WAIT, before, nullptr, nullptr, 0);
      if (work.load() != seen) answered.store(seen = work.load());
    }
  });
  pin_to(0);
  const auto wake = [&](uint64_t turn) {
    work.store(turn);
    word.fetch_add(1);
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  };
  measure(state, wake, answered);
  wake(kLast);
  other.join();
}
BENCHMARK(limit_futex_wake)->Arg(0)->Arg(1)->UseManualTime();

}  // namespace
}  // namespace roost

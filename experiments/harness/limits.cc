// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/limits.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/clock.h"
#include "examples/busy_work.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr int kTrials = 5, kSpins = 20'000, kWakes = 1'000;

void wait_while(std::atomic<uint32_t>& word, uint32_t value) {
  while (word.load() == value) syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}
void put(std::atomic<uint32_t>& word, uint32_t value) {
  word.store(value);
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// One way, from one thread to the other, seconds: a token goes round `rounds` times.
template <typename Wait, typename Put>
double one_way_s(int other_core, int rounds, const Wait& wait, const Put& give) {
  alignas(64) std::atomic<uint32_t> there{0};
  alignas(64) std::atomic<uint32_t> back{0};
  std::thread other([&] {
    pin_to(other_core);
    for (int i = 0; i < rounds; ++i) {
      wait(there, static_cast<uint32_t>(i));
      give(back, static_cast<uint32_t>(i) + 1);
    }
  });
  pin_to(0);
  const double began = seconds_now();
  for (int i = 0; i < rounds; ++i) {
    give(there, static_cast<uint32_t>(i) + 1);
    wait(back, static_cast<uint32_t>(i));
  }
  const double took = seconds_now() - began;
  other.join();
  return took / (2 * rounds);
}

template <typename Measure>
double median(const Measure& measure) {
  std::vector<double> values;
  for (int i = 0; i < kTrials; ++i) values.push_back(measure());
  return spread_of(values).median;
}

}  // namespace

Json measure_limits() {
  const auto spin = [](std::atomic<uint32_t>& word, uint32_t value) {
    while (word.load(std::memory_order_acquire) == value) cpu_pause();
  };
  const auto store = [](std::atomic<uint32_t>& word, uint32_t value) { word.store(value, std::memory_order_release); };
  Json limits;
  limits["cache_line_ns"] = 1e9 * median([&] { return one_way_s(1, kSpins, spin, store); });
  limits["futex_same_core_us"] = 1e6 * median([&] { return one_way_s(0, kWakes, wait_while, put); });
  limits["futex_two_cores_us"] = 1e6 * median([&] { return one_way_s(1, kWakes, wait_while, put); });
  // Steps of dependent work a second: as the core's clock, which may be above the TSC's, goes, so goes this.
  limits["work_steps_per_us"] = median([&] {
    constexpr uint64_t kSteps = 1'000'000;
    const double began = seconds_now();
    busy_work(kSteps);
    return static_cast<double>(kSteps) / (seconds_now() - began) * 1e-6;
  });
  return limits;
}

}  // namespace roost::experiment

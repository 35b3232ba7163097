// SPDX-License-Identifier: BSD-3-Clause
// Question: how long does a packet for a sleeping worker wait until its NF is called, against a bare futex ping-pong
// between the same cores after the same sleep? And for a fiber NF of a worker that is up?
#include <fmt/format.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "core/error.h"
#include "experiments/harness/rig.h"
#include "experiments/scheduling/figures.h"

namespace roost::experiment {
namespace {

constexpr double kPulses[] = {200, 1'000, 5'000};  // a second

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

std::unique_ptr<Rig> make(double pulses_per_s, std::vector<std::string> settings,
                          const std::vector<std::string>& asked) {
  RigOptions options;
  options.pulses_per_s = pulses_per_s;
  settings.insert(settings.end(), asked.begin(), asked.end());
  auto rig = std::make_unique<Rig>(options, settings);
  rig->spawn("lap", "s0", 1, Tier::fiber);
  rig->rate_over(0.2);
  return rig;
}

double call_cycles(Rig& rig, double seconds) {
  rig.pulse().to_call().clear();
  rig.rate_over(seconds);
  return static_cast<double>(rig.pulse().to_call().quantile(0.5));
}

}  // namespace

Json wake_latency(const SchedulingOptions& options) {
  Json rows = Json::array();
  const double us = 1e6 / static_cast<double>(measure_tsc_hz());
  for (const double pulses : kPulses) {
    PairSamples samples;
    for (int life = 0; life < options.lives; ++life) {
      FutexPair futex;
      // The loop polls all the time, as the waker of the pair does; the worker sleeps after each packet.
      const auto rig = make(pulses, {"idle_us=1000000"}, options.settings);
      for (int pair = 0; pair < options.pairs; ++pair) {
        const double called_us = call_cycles(*rig, options.slice_s) * us;
        samples.add(called_us, futex.wake_cycles(pulses, options.slice_s) * us);
      }
    }
    const Pairs pairs = samples.pairs();
    fmt::print(
        "sleeping worker, {:>5.0f} packets/s: called after {:.2f} times a bare wake-up [{:.2f} to {:.2f}]; p50 {:.1f} "
        "against {:.1f} us\n",
        pulses, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most, pairs.thing.median, pairs.baseline.median);
    std::fflush(stdout);
    rows.push_back(pairs.json());
    rows.back()["row"] = "asleep";
    rows.back()["packets_per_s"] = pulses;
  }
  std::vector<double> awake;
  for (int life = 0; life < options.lives; ++life) {
    const auto rig = make(20'000, {"idle_us=1000000", "spin_us=100000"}, options.settings);
    for (int slice = 0; slice < options.pairs; ++slice) awake.push_back(call_cycles(*rig, options.slice_s) * us);
  }
  const Spread spread = spread_of(awake);
  fmt::print("worker that is up: a fiber NF is called after {:.2f} us p50 [{:.2f} to {:.2f}]\n", spread.median,
             spread.least, spread.most);
  rows.push_back({{"row", "awake"}, {"us", spread.json()}});
  return rows;
}

}  // namespace roost::experiment

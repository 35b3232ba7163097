// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/sojourn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace roost {
namespace {

constexpr uint64_t kHz = 1'000'000'000;  // cycles here are nanoseconds
constexpr uint64_t kUs = 1'000;
constexpr uint64_t kTarget = 200 * kUs;
constexpr double kCost = 2'500, kDispatch = 500;
constexpr double kCapacity = 1e9 / (kCost + kDispatch);

SojournControl control() { return {{.target_cycles = kTarget, .hz = kHz, .packets_most = 512}, 0}; }

struct Phase {
  double p99_us = 0, wakes_per_s = 0;
};

// One worker with one NF, in virtual time: it is woken by its policy's threshold, is up a while later (most often 16
// us, sometimes several times that), and sleeps when it has served all.
class Worker {
 public:
  template <typename Policy>
  Phase run(double packets_per_s, double seconds, Policy& policy) {
    const double end = now_ + seconds * 1e9, gap = 1e9 / packets_per_s;
    std::vector<double> sojourns;
    uint64_t wakes = 0;
    arrival_ = now_;
    const auto take_until = [&](double time) {
      for (; arrival_ <= time; arrival_ += gap) waiting_.push_back(arrival_);
    };
    while (now_ < end) {
      take_until(now_);
      if (waiting_.empty()) take_until(now_ = arrival_);
      const WakeThreshold threshold = policy.threshold();
      const double due = now_ + static_cast<double>(threshold.deadline_cycles);
      while (waiting_.size() < threshold.packets && arrival_ <= due) take_until(now_ = arrival_);
      if (waiting_.size() < threshold.packets) now_ = std::max(now_, due);
      ++wakes;
      policy.woken(static_cast<uint64_t>(now_));
      now_ += late_(random_);
      for (take_until(now_); !waiting_.empty() && now_ < end; take_until(now_)) {
        const size_t burst = std::min<size_t>(32, waiting_.size());
        now_ += kDispatch + kCost * static_cast<double>(burst);
        for (size_t i = 0; i < burst; ++i, waiting_.pop_front()) {
          sojourns.push_back(now_ - waiting_.front());
          policy.saw(static_cast<uint64_t>(sojourns.back()));
        }
        policy.adjust(static_cast<uint64_t>(now_));
      }
    }
    std::sort(sojourns.begin(), sojourns.end());
    return {sojourns[sojourns.size() * 99 / 100] / kUs, static_cast<double>(wakes) / seconds};
  }

 private:
  std::mt19937_64 random_{1};
  std::lognormal_distribution<double> late_{std::log(16'000.0), 0.5};
  double now_ = 0, arrival_ = 0;
  std::deque<double> waiting_;
};

double packets_per_s(double load_percent) { return kCapacity * load_percent / 100; }

// The fewest wake-ups of any deadline that holds the target.
Phase best_fixed(double load_percent) {
  Phase best{0, INFINITY};
  for (uint64_t deadline = 0; deadline <= kTarget; deadline += kTarget / 25) {
    Worker worker;
    FixedThreshold fixed({512, deadline});
    const Phase phase = worker.run(packets_per_s(load_percent), 0.5, fixed);
    if (phase.p99_us <= kTarget / kUs && phase.wakes_per_s < best.wakes_per_s) best = phase;
  }
  return best;
}

TEST(Sojourn, TheReferenceIsWhatIsSet) {
  FixedThreshold fixed({7, 99});
  fixed.saw(1'000'000);
  fixed.woken(5);
  EXPECT_FALSE(fixed.adjust(UINT64_MAX));
  EXPECT_EQ(fixed.threshold().packets, 7U);
  EXPECT_EQ(fixed.threshold().deadline_cycles, 99U);
}

// As the load steps, each time with what it knew of the one before.
TEST(Sojourn, HoldsTheTargetWithHardlyMoreWakesThanTheBestThresholdForEachLoad) {
  Worker worker;
  SojournControl controlled = control();
  for (const double load : {1.0, 10.0, 50.0, 90.0, 1.0, 50.0, 10.0, 90.0}) {
    const Phase best = best_fixed(load);
    ASSERT_LT(best.wakes_per_s, INFINITY) << load;
    worker.run(packets_per_s(load), 0.3, controlled);
    const Phase phase = worker.run(packets_per_s(load), 2, controlled);
    EXPECT_LE(phase.p99_us, 1.02 * kTarget / kUs) << load << " %";
    EXPECT_LE(phase.wakes_per_s, 1.1 * best.wakes_per_s) << load << " %";
  }
}

TEST(Sojourn, IsTheBetterTheMoreCompanyThereIs) {
  Worker at_once, patient;
  FixedThreshold fixed({1, 0});
  SojournControl controlled = control();
  patient.run(packets_per_s(50), 0.3, controlled);
  EXPECT_LT(4 * patient.run(packets_per_s(50), 1, controlled).wakes_per_s,
            at_once.run(packets_per_s(50), 1, fixed).wakes_per_s);
}

TEST(Sojourn, PacketsThatWouldWaitAloneDoNotWait) {
  Worker worker;
  SojournControl controlled = control();
  worker.run(1'000, 2, controlled);  // a millisecond between two
  EXPECT_EQ(controlled.threshold().deadline_cycles, 0U);
  EXPECT_LT(worker.run(1'000, 2, controlled).p99_us, 100);
  worker.run(packets_per_s(10), 0.3, controlled);  // and company comes
  EXPECT_GT(controlled.threshold().deadline_cycles, kTarget / 2);
}

TEST(Sojourn, ATargetThatNothingHoldsWakesAtOnceAndIsLeftAgain) {
  SojournControl controlled = control();
  uint64_t now = 0;
  const auto packets = [&](uint64_t sojourn) {
    for (int window = 0; window < 40; ++window) {
      for (int wake = 0; wake < 20; ++wake) controlled.woken(now += 100 * kUs);
      for (int packet = 0; packet < 400; ++packet) controlled.saw(sojourn);
      controlled.adjust(now);
    }
  };
  packets(UINT64_MAX / 2);
  EXPECT_EQ(controlled.threshold().deadline_cycles, 0U);
  EXPECT_GE(controlled.p99_cycles(), 2 * kTarget);
  packets(0);
  EXPECT_EQ(controlled.threshold().deadline_cycles, kTarget) << "never more: the first one would be late by itself";
  EXPECT_EQ(controlled.threshold().packets, 512U);
}

TEST(Sojourn, JudgesOnlyByEnough) {
  SojournControl controlled = control();
  for (int packet = 0; packet < 10'000; ++packet) controlled.saw(kTarget / 10);
  EXPECT_FALSE(controlled.adjust(100 * kUs)) << "too soon";
  EXPECT_FALSE(controlled.adjust(kHz / 4)) << "hardly woken";
  EXPECT_TRUE(controlled.adjust(kHz / 2));
  EXPECT_FALSE(controlled.adjust(kHz)) << "no packet since";
  for (int packet = 0; packet < 15; ++packet) controlled.saw(kTarget / 10);
  EXPECT_FALSE(controlled.adjust(100 * kHz)) << "few packets since";
}

TEST(Sojourn, OneLatePacketInTwoHundredIsForgiven) {
  SojournControl controlled = control();
  uint64_t now = 0;
  const uint64_t before = controlled.threshold().deadline_cycles;
  for (int wake = 0; wake < 50; ++wake) controlled.woken(now += 300 * kUs);
  for (int packet = 0; packet < 1'000; ++packet) controlled.saw(packet % 200 == 0 ? 10 * kTarget : kTarget / 4);
  EXPECT_TRUE(controlled.adjust(now));
  EXPECT_GT(controlled.threshold().deadline_cycles, before);
  for (int wake = 0; wake < 50; ++wake) controlled.woken(now += 300 * kUs);
  for (int packet = 0; packet < 1'000; ++packet) controlled.saw(packet % 20 == 0 ? 10 * kTarget : kTarget / 4);
  const uint64_t most = controlled.threshold().deadline_cycles;
  EXPECT_TRUE(controlled.adjust(now));
  EXPECT_LT(controlled.threshold().deadline_cycles, most) << "one in twenty is not";
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Whose turn it is inside a worker, by the work that NFs get done and not by what the worker charges for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/policy/run_order.h"
#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

constexpr uint32_t kUnits = 12'000'000;  // of work that an NF of standard weight has waiting

// What a worker does around a packet is charged to the NF, too, and has to stay small beside its work. The sanitizers
// make it many times dearer.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kWorkScale = 32;
#else
constexpr uint64_t kWorkScale = 1;
#endif

void work(uint64_t units) {  // a cycle each, however this file is compiled
  uint64_t left = units * kWorkScale;
  asm volatile("1: sub $1, %0\n\tjnz 1b" : "+r"(left) : : "cc");
}

// A stretch of a worker's time. What others have of its core meanwhile comes out of one NF's share or another's.
class Stretch {
 public:
  void begin() noexcept {
    wall_ns_ = now_ns(CLOCK_MONOTONIC);
    ran_ns_ = now_ns(CLOCK_THREAD_CPUTIME_ID);
  }
  void end() noexcept {
    wall_ns_ = now_ns(CLOCK_MONOTONIC) - wall_ns_;
    ran_ns_ = now_ns(CLOCK_THREAD_CPUTIME_ID) - ran_ns_;
  }
  bool was_disturbed() const noexcept { return ran_ns_ < 0.95 * wall_ns_; }

 private:
  static double now_ns(clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  }
  double wall_ns_ = 0, ran_ns_ = 0;
};

struct Measured {
  double value;
  bool disturbed;
};

// The median of three runs that nobody disturbed; none: there were not so many in twenty.
template <typename Run>
std::optional<double> undisturbed_median(Run&& run) {
  std::vector<double> values;
  for (int tries = 0; tries < 20 && values.size() < 3; ++tries)
    if (const Measured measured = run(); !measured.disturbed) values.push_back(measured.value);
  if (values.size() < 3) return {};
  std::sort(values.begin(), values.end());
  return values[1];
}
constexpr char kDisturbed[] = "others have this core for more than a twentieth of the time";

// NFs with all their packets in their inboxes. What everybody has done is noted when the first of them has finished:
// up to there all of them had packets waiting.
class Backlogged {
 public:
  struct Spec {
    uint32_t cost;  // units of work a packet
    uint32_t weight = 100;
  };

  Backlogged(const std::vector<Spec>& specs, RunPolicy policy, uint32_t quantum_us = 20)
      : specs_(specs), fixture_(static_cast<uint32_t>(specs.size()), 11), done_(specs.size()), noted_(specs.size()) {
    WorkerOrders& orders = fixture_.region().worker().orders;
    orders.run_policy = static_cast<uint8_t>(policy);
    orders.quantum_us = quantum_us;
    uint32_t handle = 0;
    for (uint32_t i = 0; i < specs.size(); ++i) {
      if (specs[i].weight != 100) fixture_.region().nf_orders(i).weight = specs[i].weight;
      nfs_.push_back(std::make_unique<Lambda>([this, i](Burst& burst) { process(i, burst.size()); }));
      fixture_.add(i, *nfs_.back());
      for (uint32_t packet = 0; packet < packets(i); ++packet) fixture_.deliver(i, handle++, 0, true);
    }
  }

  // The part of its work that each had done when the first had finished.
  std::vector<double> parts() {
    fixture_.start();
    uint32_t all = 0;
    for (uint32_t i = 0; i < specs_.size(); ++i) all += packets(i);
    for (uint32_t i = 0; i < all; ++i) EXPECT_TRUE(fixture_.collect()) << i;
    fixture_.stop();
    std::vector<double> parts;
    for (uint32_t i = 0; i < specs_.size(); ++i) parts.push_back(noted_[i] / static_cast<double>(packets(i)));
    return parts;
  }
  bool were_disturbed() const noexcept { return stretch_.was_disturbed(); }  // up to there

 private:
  uint32_t packets(uint32_t i) const { return kUnits / 100 * specs_[i].weight / specs_[i].cost; }
  void process(uint32_t i, size_t count) {
    if (!std::exchange(begun_, true)) stretch_.begin();
    work(uint64_t{specs_[i].cost} * count);
    done_[i] += static_cast<uint32_t>(count);
    if (done_[i] != packets(i) || std::exchange(finished_, true)) return;
    noted_ = done_;
    stretch_.end();
  }

  const std::vector<Spec> specs_;
  WorkerFixture fixture_;
  std::vector<std::unique_ptr<Lambda>> nfs_;
  std::vector<uint32_t> done_, noted_;  // packets
  bool begun_ = false, finished_ = false;
  Stretch stretch_;
};

// The cheapest has two hundred times less to do a packet than the dearest.
const std::vector<Backlogged::Spec> kMixed{{6'000}, {30'000}, {120'000}, {600'000}};

// Whoever is behind most has done most of its work, too.
void expect_even(const std::vector<Backlogged::Spec>& specs, uint32_t quantum_us = 20) {
  const auto least = undisturbed_median([&] {
    Backlogged nfs(specs, RunPolicy::drr, quantum_us);
    const auto parts = nfs.parts();
    return Measured{*std::min_element(parts.begin(), parts.end()), nfs.were_disturbed()};
  });
  if (!least) GTEST_SKIP() << kDisturbed;
  EXPECT_GT(*least, 0.7);
}

TEST(WorkerTurns, DeficitRoundRobinGivesEqualCycles) { expect_even(kMixed); }

TEST(WorkerTurns, RoundRobinDoesNot) {
  const auto parts = Backlogged(kMixed, RunPolicy::round_robin).parts();
  EXPECT_LT(parts[0], 0.2);
  EXPECT_EQ(parts[3], 1.0);
}

// As many as are chosen at a time, none of which can afford a packet in the first rounds.
TEST(WorkerTurns, ABatchOfNfsThatAllHaveToSaveUpGoesOn) {
  constexpr uint32_t kChosen = 64, kPacketsEach = 3;
  WorkerFixture fixture(kChosen, 4);
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(RunPolicy::drr);
  fixture.region().worker().orders.quantum_us = 1;
  Lambda dear([](Burst& burst) { work(uint64_t{60'000} * burst.size()); });
  for (uint32_t nf = 0; nf < kChosen; ++nf) {
    fixture.add(nf, dear);
    for (uint32_t i = 0; i < kPacketsEach; ++i) fixture.stage(nf, nf * kPacketsEach + i);
  }
  fixture.publish();
  fixture.start();
  for (uint32_t i = 0; i < kChosen * kPacketsEach; ++i) ASSERT_TRUE(fixture.collect()) << i;
}

TEST(WorkerTurns, WhoGetsPacketsAllTheTimeHasOneTurnARound) {
  for (const RunPolicy policy : {RunPolicy::round_robin, RunPolicy::drr}) {
    WorkerFixture fixture(2, 11);
    fixture.region().worker().orders.run_policy = static_cast<uint8_t>(policy);
    fixture.region().worker().orders.quantum_us = 1;
    uint32_t taken = 0, taken_at_end = 0, others = 0, sent = 0;
    Lambda announced([&](Burst& burst) {
      work(uint64_t{300} * burst.size());
      for (uint32_t i = 0; i < burst.size() && sent < 1'900; ++i) fixture.stage(0, sent++);
      fixture.publish();
      taken += burst.size();
      if (taken == 1'900) taken_at_end = others;
    });
    Lambda other([&](Burst& burst) {
      work(uint64_t{300} * burst.size());
      others += burst.size();
    });
    fixture.add(0, announced);
    fixture.add(1, other);
    while (sent < 64) fixture.stage(0, sent++);
    for (uint32_t i = 0; i < 1'900; ++i) fixture.stage(1, 1'900 + i);
    fixture.publish();
    fixture.start();
    for (uint32_t i = 0; i < 3'800; ++i) ASSERT_TRUE(fixture.collect()) << i;
    fixture.stop();
    EXPECT_GT(taken_at_end, 800U);
  }
}

TEST(WorkerTurns, WeightsAreFollowed) { expect_even({{40'000, 25}, {10'000, 50}, {100'000, 100}}); }

TEST(WorkerTurns, APacketMayCostManyQuanta) { expect_even({{600'000}, {20'000}}, 1); }

// What the slow one had done when the lone one had done its ten million units.
Measured slow_when_lone_ended() {
  WorkerFixture fixture(3, 10);
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(RunPolicy::drr);
  fixture.region().worker().orders.quantum_us = 20;
  std::atomic<uint64_t> slow_units{0}, lone_units{0};
  uint64_t when_lone_ended = 0;
  Stretch stretch;
  bool begun = false;
  const auto begin = [&] {
    if (!std::exchange(begun, true)) stretch.begin();
  };
  Lambda entry([&](Burst&) { begin(); });
  Lambda slow([&](Burst& burst) {
    work(uint64_t{40'000} * burst.size());
    slow_units += uint64_t{40'000} * burst.size();
  });
  Lambda lone([&](Burst& burst) {
    begin();
    work(uint64_t{10'000} * burst.size());
    lone_units += uint64_t{10'000} * burst.size();
    if (lone_units != 10'000'000) return;
    when_lone_ended = slow_units;
    stretch.end();
  });
  fixture.add(0, entry);
  fixture.add(1, slow);
  fixture.add(2, lone);
  fixture.set_path(0, {0, 1});
  for (uint32_t i = 0; i < 1'000; ++i) fixture.deliver(0, i);
  for (uint32_t i = 0; i < 1'000; ++i) fixture.deliver(2, 1'000 + i, 0, true);
  fixture.start();
  for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(fixture.collect()) << i;
  fixture.stop();
  return {static_cast<double>(when_lone_ended), stretch.was_disturbed()};
}

// Work that an NF does in others' runs is its own, and its part of the core is what it gets for that.
TEST(WorkerTurns, ARunDoesNotGetMoreThanItsHops) {
  const auto units = undisturbed_median(slow_when_lone_ended);
  if (!units) GTEST_SKIP() << kDisturbed;
  EXPECT_GT(*units, 5e6) << "of the lone one's ten million";
  EXPECT_LT(*units, 15e6) << "by turns it would be its whole forty million";
}

TEST(WorkerTurns, EntriesOfOneSlowHopTakeTurns) {
  WorkerFixture fixture(3, 9);
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(RunPolicy::drr);
  fixture.region().worker().orders.quantum_us = 20;
  uint32_t taken[2] = {0, 0}, other_at_end = 0;
  const auto entry = [&](uint32_t which) {
    return [&, which](Burst& burst) {
      taken[which] += static_cast<uint32_t>(burst.size());
      if (taken[which] == 300 && other_at_end == 0) other_at_end = taken[1 - which];
    };
  };
  Lambda first(entry(0)), second(entry(1));
  Lambda slow([](Burst& burst) { work(uint64_t{50'000} * burst.size()); });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.add(2, slow);
  fixture.set_path(0, {0, 2});
  fixture.set_path(8, {1, 2});
  for (uint32_t i = 0; i < 300; ++i) {
    fixture.deliver(0, i, 0);
    fixture.deliver(1, 300 + i, 8);
  }
  fixture.start();
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(fixture.collect());
  EXPECT_GT(other_at_end, 150U);
}

TEST(WorkerTurns, NobodyIsLeftWhereThePolicyChanges) {
  constexpr uint32_t kNfs = 100, kEach = 30;
  WorkerFixture fixture(kNfs, 5);
  WorkerOrders& orders = fixture.region().worker().orders;
  orders.quantum_us = 1;
  std::vector<std::unique_ptr<Lambda>> nfs;
  for (uint32_t i = 0; i < kNfs; ++i) {
    nfs.push_back(std::make_unique<Lambda>([i](Burst& burst) {
      work(uint64_t{100} * (i + 1) * burst.size());
      if (i % 10 == 0) Worker::current()->yield();
      if (i % 10 == 1) Worker::current()->sleep_for_us(50);
    }));
    fixture.add(i, *nfs.back());
    for (uint32_t packet = 0; packet < kEach; ++packet) fixture.deliver(i, i * kEach + packet, 0, true);
  }
  fixture.start();
  for (uint32_t i = 0; i < kNfs * kEach; ++i) {
    orders.run_policy = i / 100 % 2;
    ASSERT_TRUE(fixture.collect()) << i;
  }
  const NfRecord& dear = fixture.region().nf(99);
  EXPECT_EQ(dear.packets.load(), kEach);
}

uint64_t thread_ns() {
  timespec ran{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
  return static_cast<uint64_t>(ran.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(ran.tv_nsec);
}

// What operators see of an NF's cycles: all that it had the core for, with sleeps of the worker between.
TEST(WorkerTurns, LongDispatchesAreChargedWhatTheyRan) {
  for (const RunPolicy policy : {RunPolicy::round_robin, RunPolicy::drr}) {
    WorkerFixture fixture(2);
    fixture.region().worker().orders.run_policy = static_cast<uint8_t>(policy);
    fixture.region().worker().orders.quantum_us = 100;
    std::atomic<uint64_t> ran_ns{0};
    Lambda nf([&](Burst& burst) {
      const uint64_t began = thread_ns();
      work(uint64_t{1'000'000} * burst.size());
      ran_ns += thread_ns() - began;
    });
    fixture.add(0, nf);
    fixture.start();
    for (uint32_t i = 0; i < 30; ++i) {
      fixture.deliver(0, 3 * i, 0, true);
      fixture.deliver(0, 3 * i + 1, 0, true);
      fixture.deliver(0, 3 * i + 2, 0, true);
      for (int packet = 0; packet < 3; ++packet) ASSERT_TRUE(fixture.collect());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // it sleeps
    }
    fixture.stop();
    const double ran = static_cast<double>(ran_ns) * static_cast<double>(measure_tsc_hz()) / 1e9;
    const double charged = static_cast<double>(fixture.region().nf(0).cycles.load());
    EXPECT_GT(charged, 0.8 * ran);
    if (policy == RunPolicy::drr) {
      EXPECT_LT(charged, 1.5 * ran);
    }
  }
}

TEST(WorkerTurns, AnNfsOwnBurstCountsAtTheEntryAndOnTheWay) {
  WorkerFixture fixture(2);
  size_t largest[2] = {0, 0};
  Lambda first([&](Burst& burst) { largest[0] = std::max<size_t>(largest[0], burst.size()); });
  Lambda second([&](Burst& burst) { largest[1] = std::max<size_t>(largest[1], burst.size()); });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.set_path(0, {0, 1});
  fixture.region().worker().orders.own_bursts = 1;
  fixture.region().nf_orders(0).burst_packets = 12;
  fixture.region().nf_orders(1).burst_packets = 5;
  for (uint32_t i = 0; i < 100; ++i) fixture.deliver(0, i);
  fixture.start();
  for (uint32_t i = 0; i < 100; ++i) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->handle, i) << "in their order";
  }
  fixture.stop();
  EXPECT_EQ(largest[0], 12U);
  EXPECT_EQ(largest[1], 5U);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// NFs that wait in the middle of process() hold up nobody else, and no packet.
#include <gtest/gtest.h>

#include <atomic>
#include <utility>

#include "scheduler/policy/run_order.h"
#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

constexpr uint64_t kNap_us = 200'000;

void by_deficit_round_robin(WorkerFixture& fixture) {
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(RunPolicy::drr);
  fixture.region().worker().orders.quantum_us = 10;
}

TEST(WorkerWaits, PacketsOfAnNfThatSleepsLetTheWorkerSleep) {
  WorkerFixture fixture(2);  // one that is alone has no turns
  by_deficit_round_robin(fixture);
  std::atomic<uint64_t> slept_meanwhile = 0;
  Lambda nf([&, naps = false](Burst&) mutable {
    if (std::exchange(naps, true)) return;
    const auto& sleeps = fixture.region().worker().report.sleeps;
    const uint64_t before = sleeps;
    Worker::current()->sleep_for_us(kNap_us);
    slept_meanwhile = sleeps - before;
  });
  fixture.add(0, nf);
  for (const uint32_t handle : {1U, 2U}) fixture.stage(0, handle);  // of which it takes one, to see what it costs
  fixture.publish();
  fixture.start();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(fixture.collect()) << i;
  EXPECT_GT(slept_meanwhile, 0U);
}

TEST(WorkerWaits, ALaterHopThatSleepsHoldsUpNothingThatWaitsForTheFirst) {
  WorkerFixture fixture(2);
  by_deficit_round_robin(fixture);
  bool asleep = false;
  uint32_t meanwhile = 0;
  Lambda first([&](Burst& burst) { meanwhile += asleep ? static_cast<uint32_t>(burst.size()) : 0; });
  Lambda second([&, naps = false](Burst&) mutable {
    if (std::exchange(naps, true)) return;
    asleep = true;
    Worker::current()->sleep_for_us(kNap_us);
    asleep = false;
  });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.set_path(0, {0, 1});
  constexpr uint32_t kPackets = 5;
  for (uint32_t handle = 1; handle <= kPackets; ++handle) fixture.stage(0, handle, 0, 0);
  fixture.publish();
  fixture.start();
  for (uint32_t i = 0; i < kPackets; ++i) ASSERT_TRUE(fixture.collect()) << i;
  EXPECT_GT(meanwhile, 0U);
}

TEST(WorkerWaits, WhoYieldsAllTheTimeLetsTimersFire) {
  class Timed final : public Nf {
   public:
    void process(Burst&) noexcept override {}
    void on_timer(TimerId) noexcept override { fired = true; }
    bool fired = false;
  };
  Timed timed;
  WorkerFixture fixture(2);
  Lambda yields([&](Burst&) {
    while (!timed.fired) Worker::current()->yield();
  });
  fixture.add(0, yields);
  fixture.add(1, timed);
  fixture.deliver(0, 1, 0, true);
  fixture.worker().events().every(1, 5, tsc_now());
  fixture.start();
  EXPECT_TRUE(fixture.collect());
  timed.fired = true;  // where the test has failed
}

TEST(WorkerWaits, ManyThatSleepForAMomentLetOthersHaveTheirPackets) {
  constexpr uint32_t kSleepers = 3;
  WorkerFixture fixture(kSleepers + 1);
  std::atomic<bool> ends = false;
  Lambda sleeps([&](Burst&) {
    while (!ends) {
      for (const uint64_t until = tsc_now() + 100'000; tsc_now() < until;) continue;
      Worker::current()->sleep_for_us(1);
    }
  });
  Lambda other([](Burst&) {});
  for (uint32_t nf = 0; nf < kSleepers; ++nf) fixture.add(nf, sleeps);
  fixture.add(kSleepers, other);
  for (uint32_t nf = 0; nf < kSleepers; ++nf) fixture.stage(nf, nf + 1);
  fixture.publish();
  fixture.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  fixture.deliver(kSleepers, 10, 0, true);
  const auto back = fixture.collect();
  EXPECT_TRUE(back && back->handle == 10);
  ends = true;
  for (uint32_t nf = 0; nf < kSleepers; ++nf) EXPECT_TRUE(fixture.collect());
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// A worker whose shared core is another's.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/nflib/overrun_fixture.h"
#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

template <typename Condition>
bool eventually(Condition&& condition) {
  for (int i = 0; i < 100'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::microseconds(100));
  return condition();
}

TEST(WorkerTurns, GivesWayBetweenTwoDispatchesAndSaysThatItHasMore) {
  WorkerFixture fixture(1);
  WorkerRecord& record = fixture.region().worker();
  std::atomic<int> calls{0};
  Lambda nf([&](Burst&) {
    if (++calls == 1) record.orders.rest = kGiveWay;
  });
  fixture.add(0, nf);
  fixture.set_path(0, {0});
  for (uint32_t handle = 0; handle < 64; ++handle) fixture.deliver(0, handle, 0, true);
  fixture.start();
  ASSERT_TRUE(eventually([&] { return record.bell.announced(); }));
  EXPECT_EQ(record.report.deadline_tsc.load(), kHasMore);
  EXPECT_EQ(record.report.taken.load(), 32U);
  EXPECT_EQ(calls.load(), 1);
  Descriptor d;
  uint32_t back = 0;
  while (fixture.outbox().pop(d)) ++back;
  fixture.outbox().publish(true);
  EXPECT_EQ(back, 32U);  // what it had begun it has finished
  record.orders.rest = kStay;
  fixture.wake();
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(fixture.collect());
  EXPECT_EQ(calls.load(), 2);
}

TEST(WorkerTurns, GivingWayWithNothingLeftIsSleepLikeAnyOther) {
  WorkerFixture fixture(1);
  WorkerRecord& record = fixture.region().worker();
  record.orders.rest = kGiveWay;
  record.orders.spin_us = 100'000;
  fixture.start();
  ASSERT_TRUE(eventually([&] { return record.bell.announced(); }));
  EXPECT_EQ(record.report.deadline_tsc.load(), kNoDeadline);
}

TEST(WorkerTurns, StandsByWithItsPacketsUntilItIsItsTurn) {
  WorkerFixture fixture(1);
  WorkerRecord& record = fixture.region().worker();
  std::atomic<int> calls{0};
  Lambda nf([&](Burst&) { ++calls; });
  fixture.add(0, nf);
  fixture.set_path(0, {0});
  record.orders.rest = kStandBy;
  fixture.deliver(0, 1, 0, true);
  fixture.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(calls.load(), 0);
  EXPECT_FALSE(record.bell.announced());
  record.orders.rest = kRestWhenDry;
  EXPECT_TRUE(fixture.collect());
  EXPECT_EQ(calls.load(), 1);
}

TEST(WorkerTurns, AStandingByWorkerCanBeStopped) {
  WorkerFixture fixture(1);
  fixture.region().worker().orders.rest = kStandBy;
  fixture.start();
  fixture.stop();
}

// The last CPU that this process may use.
int last_cpu() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  int last = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) last = cpu;
  return last;
}

// The one CPU that the calling thread may run on; -1: several.
int bound_to() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) != 1) return -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) return cpu;
  return -1;
}

TEST(WorkerCpu, IsTheOneThatItIsToldWhenItIsWoken) {
  WorkerFixture fixture(1);
  WorkerOrders& orders = fixture.region().worker().orders;
  std::atomic<int> cpu{-2};
  Lambda nf([&](Burst&) { cpu = bound_to(); });
  fixture.add(0, nf);
  fixture.set_path(0, {0});
  fixture.start();
  ASSERT_TRUE(eventually([&] { return fixture.region().worker().bell.announced(); }));
  orders.cpu = static_cast<uint16_t>(last_cpu());
  orders.cpu_orders = 1;
  fixture.deliver(0, 1, 0, true);
  ASSERT_TRUE(fixture.collect());
  EXPECT_EQ(cpu.load(), last_cpu());
  // One that isn't there: it runs where it is.
  ASSERT_TRUE(eventually([&] { return fixture.region().worker().bell.announced(); }));
  orders.cpu = CPU_SETSIZE - 1;
  orders.cpu_orders = 2;
  fixture.deliver(0, 2, 0, true);
  ASSERT_TRUE(fixture.collect());
  EXPECT_EQ(cpu.load(), last_cpu());
}

class WorkerMoves : public Overrun {};

TEST_F(WorkerMoves, AThreadThatTakesOverGoesWhereTheWorkerIs) {
  Fixture fixture(2, lets_go_);
  std::atomic<int> cpu{-2};
  Lambda stuck([this](Burst&) { loop(); });
  Lambda other([&](Burst&) { cpu = bound_to(); });
  fixture.add(0, stuck);
  fixture.add(1, other);
  fixture.set_path(0, {0});
  WorkerOrders& orders = fixture.region().worker().orders;
  orders.cpu = static_cast<uint16_t>(last_cpu());
  orders.cpu_orders = 1;
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  fixture.deliver(1, 2, 0, true);
  ASSERT_TRUE(fixture.collect());
  EXPECT_EQ(cpu.load(), last_cpu());
}

TEST(WorkerTurns, OneThatPollsGivesNoWay) {
  WorkerFixture fixture(1, 8, WaitMode::spin);
  WorkerRecord& record = fixture.region().worker();
  Lambda nf([](Burst&) {});
  fixture.add(0, nf);
  fixture.set_path(0, {0});
  record.orders.rest = kGiveWay;
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  EXPECT_TRUE(fixture.collect());
  EXPECT_FALSE(record.bell.announced());
}

}  // namespace
}  // namespace roost

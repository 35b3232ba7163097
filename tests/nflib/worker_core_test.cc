// SPDX-License-Identifier: BSD-3-Clause
// A worker whose shared core is another's.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

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

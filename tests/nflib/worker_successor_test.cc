// SPDX-License-Identifier: BSD-3-Clause
// The manager is gone: the worker stands still, says what its NFs hold, and goes on with another one's memory.
#include <gtest/gtest.h>

#include <atomic>

#include "nflib/worker.h"
#include "tests/nflib/worker_fixture.h"

namespace roost::worker_successor_test {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kPatience{20};

void change_hands(WorkerFixture& fixture, const std::vector<Worker::Place>& nfs) {
  fixture.worker().change_hands(nfs, -1, [&] { fixture.renew_memory(); });
  fixture.go_on();
}

TEST(WorkerSuccessor, GoesOnWithItsNfsInOtherMemory) {
  WorkerFixture fixture(2);
  uint32_t seen = 0;
  Lambda counter([&](Burst& burst) { seen += burst.size(); });
  Lambda unused([](Burst&) {});
  fixture.add(0, counter);
  fixture.add(1, unused);
  fixture.start_with_spares();
  const std::vector<uint32_t> places{0, 1};
  for (uint32_t round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    for (uint32_t i = 0; i < 300; ++i) {
      fixture.deliver(0, i, 0, true);
      ASSERT_TRUE(fixture.collect());
    }
    EXPECT_EQ(seen, 300 * round);
    ASSERT_TRUE(fixture.rest_within(kPatience));
    EXPECT_TRUE(fixture.worker().may_change_hands());
    EXPECT_EQ(fixture.worker().take_stock(places), 0U);
    EXPECT_EQ(fixture.worker().left_behind(), 0U);
    change_hands(fixture, {{0, false}, {1, false}});
  }
}

TEST(WorkerSuccessor, CountsWhatNfsHold) {
  WorkerFixture fixture(2);
  std::vector<rte_mbuf*> kept;
  rte_mbuf* made = nullptr;
  Lambda keeper([&](Burst& burst) {
    for (Packet& packet : burst) {
      packet.verdict = keep();
      kept.push_back(packet.mbuf());
    }
    if (made == nullptr) made = rte_pktmbuf_alloc(fixture.worker().pool());
  });
  Lambda passes([](Burst&) {});
  fixture.add(0, keeper);
  fixture.add(1, passes);
  fixture.grant(1'000);
  fixture.start_with_spares();
  for (uint32_t i = 0; i < 3; ++i) fixture.deliver(0, i, 0, true);
  fixture.deliver(1, 10, 0, true);
  ASSERT_TRUE(fixture.collect());
  while (fixture.region().nf(0).consumed != 3) std::this_thread::sleep_for(milliseconds(1));
  ASSERT_TRUE(fixture.rest_within(kPatience));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(fixture.worker().take_stock({0, 1}), 4U);
  // What is freed on another thread is no NF's any more.
  rte_pktmbuf_free(kept[0]);
  rte_pktmbuf_free(made);
  EXPECT_EQ(fixture.worker().take_stock({0, 1}), 2U);
  EXPECT_EQ(fixture.worker().left_behind(), 0U);  // the manager has them, or nearly
  fixture.go_on();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(fixture.collect());
}

// What came in its time is counted with it, whatever place it had.
TEST(WorkerSuccessor, TheCountOutlivesNfsThatGo) {
  WorkerFixture fixture(1);
  Lambda first([](Burst& burst) {
    for (Packet& packet : burst) packet.verdict = keep();
  });
  Lambda second([](Burst&) {});
  fixture.add(0, first);
  fixture.start_with_spares();
  for (uint32_t i = 0; i < 5; ++i) fixture.deliver(0, i, 0, true);
  while (fixture.region().nf(0).consumed != 5) std::this_thread::sleep_for(milliseconds(1));
  ASSERT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::done);
  fixture.clear_place(0);
  fixture.add(0, second);
  fixture.deliver(0, 7, 0, true);
  ASSERT_TRUE(fixture.collect());
  ASSERT_TRUE(fixture.rest_within(kPatience));
  EXPECT_EQ(fixture.worker().take_stock({0}), 5U);
  fixture.go_on();
}

// Queues by NF are the worker's: what waits in them is no NF's, and has gone with the manager.
TEST(WorkerSuccessor, WhatWaitsForItsTurnIsForgotten) {
  WorkerFixture fixture(2);
  std::atomic<bool> entered{false}, leaves{false};
  std::atomic<uint32_t> seen{0};
  Lambda stays([&](Burst& burst) {
    seen += burst.size();
    entered = true;
    while (!leaves) std::this_thread::sleep_for(milliseconds(1));
  });
  Lambda counter([&](Burst& burst) { seen += burst.size(); });
  fixture.add(0, stays);
  fixture.add(1, counter);
  fixture.start_with_spares();
  constexpr uint32_t kAll = 300;
  for (uint32_t i = 0; i < kAll; ++i) fixture.stage(i % 3 == 0 ? 0 : 1, i);
  fixture.publish();
  fixture.wake();
  while (!entered) std::this_thread::sleep_for(milliseconds(1));
  fixture.deliver(1, kAll, 0, true);
  EXPECT_FALSE(fixture.rest_within(milliseconds(20)));
  leaves = true;
  ASSERT_TRUE(fixture.rest_within(kPatience));
  EXPECT_LT(seen, kAll / 3);
  EXPECT_EQ(fixture.worker().take_stock({0, 1}), 0U);
  EXPECT_EQ(fixture.worker().left_behind(), kAll + 1 - seen);
  change_hands(fixture, {{0, false}, {1, false}});
  seen = 0;
  for (uint32_t i = 0; i < 20; ++i) {
    fixture.deliver(i % 2, i, 0, true);
    ASSERT_TRUE(fixture.collect());
  }
  EXPECT_EQ(seen, 20U);
  EXPECT_EQ(fixture.region().nf(0).consumed, 10U);
  EXPECT_EQ(fixture.region().worker().report.taken, 20U) << "or the manager wakes it for what is gone";
}

// With nobody who takes it, a full outbox holds nobody up.
TEST(WorkerSuccessor, WhatFindsNoRoomIsCounted) {
  WorkerFixture fixture(1, 12);
  Lambda passes([](Burst&) {});
  fixture.add(0, passes);
  fixture.start_with_spares();
  const uint32_t outbox = fixture.outbox().capacity();
  uint32_t sent = 0;
  for (; sent < 2 * outbox - 100; ++sent) fixture.deliver(0, sent % WorkerFixture::kPackets, 0, true);
  EXPECT_GT(sent, outbox);
  ASSERT_TRUE(fixture.rest_within(kPatience));
  EXPECT_EQ(fixture.worker().take_stock({0}), 0U);
  RingConsumer given = fixture.outbox();
  uint32_t in_outbox = 0;
  for (Descriptor ignored; in_outbox < outbox && given.pop(ignored);) ++in_outbox;
  EXPECT_EQ(fixture.worker().left_behind() + in_outbox, sent);
  change_hands(fixture, {{0, false}});
  fixture.deliver(0, 1, 0, true);
  EXPECT_TRUE(fixture.collect());
}

TEST(WorkerSuccessor, AnNfThatDoesNotComeBackKeepsItFromResting) {
  WorkerFixture fixture(1);
  std::atomic<bool> entered{false}, leaves{false};
  Lambda stays([&](Burst&) {
    entered = true;
    while (!leaves) std::this_thread::sleep_for(milliseconds(1));
  });
  fixture.add(0, stays);
  fixture.start_with_spares();
  fixture.deliver(0, 1, 0, true);
  while (!entered) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_FALSE(fixture.rest_within(milliseconds(50)));
  leaves = true;
  EXPECT_TRUE(fixture.rest_within(kPatience));
  EXPECT_TRUE(fixture.stop_within(kPatience));
}

// A timer's call that sleeps holds no packets, and wakes up in the new memory; what waits in quarantine stays there.
TEST(WorkerSuccessor, WhatWaitsGoesOnWaiting) {
  class Sleeper final : public Nf {
   public:
    void process(Burst&) noexcept override { ++packets; }
    void on_message(std::string_view) noexcept override {
      asleep = true;
      sleep_for(std::chrono::milliseconds(300));
      woke = true;
    }
    std::atomic<bool> asleep{false}, woke{false};
    std::atomic<uint32_t> packets{0};
  };
  WorkerFixture fixture(2);
  Sleeper sleeper, held;
  fixture.add(0, sleeper);
  fixture.worker().add_nf(1, &held, true);
  fixture.start_with_spares();
  fixture.worker().events().post(0, "go");
  while (!sleeper.asleep) {
    fixture.wake();
    std::this_thread::sleep_for(milliseconds(1));
  }
  ASSERT_TRUE(fixture.rest_within(kPatience));
  EXPECT_EQ(fixture.worker().take_stock({0, 1}), 0U);
  change_hands(fixture, {{0, false}, {1, true}});
  EXPECT_EQ(fixture.region().nf(1).state, kNfQuarantined);
  for (int i = 0; i < 20'000 && !sleeper.woke; ++i) {
    fixture.wake();
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(sleeper.woke);
  fixture.deliver(0, 1, 0, true);
  EXPECT_TRUE(fixture.collect());
  fixture.deliver(1, 2, 0, true);
  const auto back = fixture.collect();
  ASSERT_TRUE(back);
  EXPECT_EQ(Verdict{back->word}, unseen());
  EXPECT_EQ(held.packets, 0U);
}

}  // namespace
}  // namespace roost::worker_successor_test

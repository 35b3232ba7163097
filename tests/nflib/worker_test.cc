// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <functional>
#include <map>
#include <set>

#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

TEST(Worker, TakesAWholeRunAndReportsItsHops) {
  WorkerFixture fixture(3);
  std::vector<int> order;
  std::vector<std::unique_ptr<Lambda>> nfs;
  for (int i = 0; i < 3; ++i) {
    nfs.push_back(std::make_unique<Lambda>([i, &order](Burst&) { order.push_back(i); }));
    fixture.add(static_cast<uint32_t>(i), *nfs.back());
  }
  fixture.set_path(7, {0, 2, 1});
  fixture.start();
  fixture.deliver(0, 11, 7);
  const auto back = fixture.collect();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->handle, 11u);
  EXPECT_EQ(Verdict{back->word}, next().with_hops(3));
  EXPECT_EQ(order, (std::vector<int>{0, 2, 1}));
}

TEST(Worker, AnNfEndsTheRunByItsVerdict) {
  WorkerFixture fixture(2);
  Lambda first([](Burst& burst) {
    for (auto& packet : burst) packet.verdict = packet.data()[0] == 1 ? out(5) : next();
  });
  int seen = 0;
  Lambda second([&seen](Burst& burst) { seen += static_cast<int>(burst.size()); });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.set_path(0, {0, 1});
  for (uint32_t handle = 0; handle < 8; ++handle) packet_buffer(handle)[kHeadroomBytes] = handle % 2;
  for (uint32_t handle = 0; handle < 8; ++handle) fixture.deliver(0, handle);
  fixture.start();
  std::map<uint32_t, Verdict> verdicts;
  for (int i = 0; i < 8; ++i) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    verdicts[back->handle] = Verdict{back->word};
  }
  for (uint32_t handle = 0; handle < 8; ++handle)
    EXPECT_EQ(verdicts.at(handle), handle % 2 ? out(5).with_hops(1) : next().with_hops(2)) << handle;
  EXPECT_EQ(seen, 4);
}

TEST(Worker, KeepsTheOrderOfAFlowWhereTheNextNfIsSuspended) {
  WorkerFixture fixture(2);
  Lambda first([](Burst&) {});
  std::vector<uint32_t> seen;
  bool slept = false;
  Lambda second([&](Burst& burst) {
    if (!std::exchange(slept, true)) Worker::current()->sleep_for_us(20'000);
    for (auto& packet : burst) seen.push_back(handle_at(packet.mbuf()));
  });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.set_path(0, {0, 1});
  fixture.start();
  for (uint32_t handle = 0; handle < 50; ++handle) {
    fixture.deliver(0, handle);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  for (uint32_t handle = 0; handle < 50; ++handle) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->handle, handle);
    EXPECT_EQ(Verdict{back->word}, next().with_hops(2));
  }
  for (uint32_t i = 0; i < 50; ++i) EXPECT_EQ(seen[i], i);
}

TEST(Worker, OthersRunWhileAnNfSleeps) {
  WorkerFixture fixture(2);
  Lambda sleeper([](Burst&) { Worker::current()->sleep_for_us(50'000); });
  Lambda quick([](Burst&) {});
  fixture.add(0, sleeper);
  fixture.add(1, quick);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  fixture.deliver(1, 2, 0, true);
  EXPECT_EQ(fixture.collect()->handle, 2u);
  EXPECT_EQ(fixture.collect()->handle, 1u);
}

TEST(Worker, AThousandNfsYieldAndAllFinish) {
  WorkerFixture fixture(1000, 3);
  std::vector<std::unique_ptr<Lambda>> nfs;
  for (uint32_t i = 0; i < 1000; ++i) {
    nfs.push_back(std::make_unique<Lambda>([](Burst&) {
      for (int turn = 0; turn < 3; ++turn) Worker::current()->yield();
    }));
    fixture.add(i, *nfs.back());
    fixture.deliver(i, i, 0, true);
  }
  fixture.start();
  std::map<uint32_t, int> back;
  for (int i = 0; i < 1000; ++i) {
    const auto d = fixture.collect();
    ASSERT_TRUE(d);
    ++back[d->handle];
  }
  EXPECT_EQ(back.size(), 1000u);
}

TEST(Worker, StacksOfNfsThatHaveWaitedComeBack) {
  WorkerFixture fixture(500, 3);
  Lambda sleeper([](Burst&) { Worker::current()->sleep_for_us(30'000); });
  for (uint32_t i = 0; i < 500; ++i) {
    fixture.add(i, sleeper);
    fixture.deliver(i, i, 0, true);
  }
  fixture.start();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(fixture.collect());
  fixture.stop();
  EXPECT_LT(fixture.worker().stacks(), 150u);
}

TEST(Worker, NfsMakeKeepAndFreePackets) {
  WorkerFixture fixture(1);
  rte_mbuf* kept = nullptr;
  const auto treat = [&](Packet& packet) {
    Worker& worker = *Worker::current();
    if (kept == nullptr) {
      kept = packet.mbuf();
      packet.verdict = keep();
      return;
    }
    rte_mbuf* clone = rte_pktmbuf_clone(packet.mbuf(), worker.pool());
    ASSERT_NE(clone, nullptr);
    worker.send(clone, out(3));
    worker.send(kept, next());
    rte_pktmbuf_free(rte_pktmbuf_alloc(worker.pool()));
    EXPECT_EQ(rte_pktmbuf_alloc(worker.pool()), nullptr);
  };
  Lambda nf([&](Burst& burst) {
    for (auto& packet : burst) treat(packet);
  });
  fixture.add(0, nf);
  for (uint32_t handle = 100; handle < 102; ++handle) fixture.grant(handle);
  packet_buffer(2)[kHeadroomBytes] = 0x5a;
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  fixture.deliver(0, 2, 0, true);
  const auto clone = fixture.collect(), sent = fixture.collect(), freed = fixture.collect(), came = fixture.collect();
  ASSERT_TRUE(clone && sent && freed && came);
  EXPECT_EQ(clone->handle, 100u);
  EXPECT_EQ(Verdict{clone->word}.kind(), Verdict::kOut);
  EXPECT_EQ(packet_buffer(100)[kHeadroomBytes], 0x5a);
  EXPECT_EQ(sent->handle, 1u);
  EXPECT_EQ(Verdict{sent->word}, next().with_hops(1));
  EXPECT_EQ(freed->handle, 101u);
  EXPECT_EQ(Verdict{freed->word}.kind(), Verdict::kDrop);
  EXPECT_EQ(came->handle, 2u);
}

TEST(Worker, SeesPacketsOfSeveralSegmentsWhole) {
  WorkerFixture fixture(1);
  uint32_t segments = 0, bytes = 0;
  Lambda nf([&](Burst& burst) {
    segments = burst[0].mbuf()->nb_segs;
    bytes = burst[0].bytes_total();
  });
  fixture.add(0, nf);
  fixture.start();
  fixture.stage(0, 1, 0, Descriptor::kMoreSegments | Descriptor::kLastHop, 2048);
  fixture.stage(0, 2, 0, Descriptor::kMoreSegments | Descriptor::kLastHop, 2048);
  fixture.deliver(0, 3, 0, true, 100);
  const auto a = fixture.collect(), b = fixture.collect(), c = fixture.collect();
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(segments, 3u);
  EXPECT_EQ(bytes, 4196u);
  EXPECT_EQ(a->handle, 1u);
  EXPECT_TRUE(a->flags & Descriptor::kMoreSegments);
  EXPECT_TRUE(b->flags & Descriptor::kMoreSegments);
  EXPECT_FALSE(c->flags & Descriptor::kMoreSegments);
}

TEST(Worker, PacketsOfOtherThreadsTakeTheWayOfItsOwn) {
  WorkerFixture fixture(1);
  rte_mbuf* made = nullptr;
  Lambda nf([&](Burst&) { made = rte_pktmbuf_alloc(Worker::current()->pool()); });
  fixture.add(0, nf);
  fixture.grant(100);
  fixture.start();
  EXPECT_EQ(rte_pktmbuf_alloc(fixture.worker().pool()), nullptr);  // as in start(): grants are the worker's
  fixture.deliver(0, 1, 0, true);
  ASSERT_EQ(fixture.collect()->handle, 1u);
  ASSERT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::done);
  ASSERT_NE(made, nullptr);
  rte_pktmbuf_free(made);  // as in a destructor
  fixture.wake();
  const auto freed = fixture.collect();
  ASSERT_TRUE(freed);
  EXPECT_EQ(freed->handle, 100u);
  EXPECT_EQ(Verdict{freed->word}.kind(), Verdict::kDrop);
}

TEST(Worker, ASuspendedNfIsNotRemoved) {
  WorkerFixture fixture(2);
  Lambda sleeper([](Burst&) { Worker::current()->sleep_for_us(200'000); });
  Lambda quick([](Burst&) {});
  fixture.add(0, sleeper);
  fixture.add(1, quick);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  fixture.deliver(1, 2, 0, true);
  ASSERT_EQ(fixture.collect()->handle, 2u);
  EXPECT_EQ(fixture.worker().remove_nfs(0, 2, kPatience), Worker::Removal::suspended);
  EXPECT_EQ(fixture.worker().remove_nfs(1, 1, kPatience), Worker::Removal::done);
  ASSERT_EQ(fixture.collect()->handle, 1u);
  EXPECT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::done);
}

TEST(Worker, NothingIsRemovedWhileAnNfKeepsTheWorker) {
  WorkerFixture fixture(2);
  std::atomic<bool> lets_go{false};
  Lambda runaway([&](Burst&) {
    while (!lets_go) continue;
  });
  Lambda other([](Burst&) {});
  fixture.add(0, runaway);
  fixture.add(1, other);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  while (fixture.region().worker().report.current_nf != 0) continue;
  EXPECT_EQ(fixture.worker().remove_nfs(1, 1, std::chrono::milliseconds(20)), Worker::Removal::late);
  lets_go = true;
  ASSERT_EQ(fixture.collect()->handle, 1u);
  fixture.deliver(1, 2, 0, true);
  EXPECT_EQ(fixture.collect()->handle, 2u) << "it is still there";
}

TEST(Worker, NfsComeAndGoBesideOthers) {
  WorkerFixture fixture(2, 4);
  Lambda steady([](Burst&) {});
  fixture.add(0, steady);
  fixture.start();
  for (uint32_t round = 0; round < 50; ++round) {
    uint32_t seen = 0;  // these are the worker's thread's, until the NF is removed
    rte_mbuf* made = nullptr;
    const auto passing = std::make_unique<Lambda>([&](Burst& burst) {
      seen += burst.size();
      if (made == nullptr) made = rte_pktmbuf_alloc(Worker::current()->pool());
    });
    fixture.grant(100);
    fixture.add(1, *passing);
    for (uint32_t i = 0; i < 4; ++i) fixture.deliver(i % 2, i, 0, true);
    for (uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(fixture.collect());
    fixture.deliver(0, 9, 0, true);  // the worker is at work meanwhile
    ASSERT_EQ(fixture.worker().remove_nfs(1, 1, kPatience), Worker::Removal::done);
    EXPECT_EQ(seen, 2u);
    ASSERT_NE(made, nullptr);
    fixture.deliver(0, 10, 0, true);
    rte_pktmbuf_free(made);  // beside the worker, which gives packets to the manager
    fixture.deliver(0, 11, 0, true);
    std::multiset<uint32_t> back;
    while (back.size() < 4) {
      const auto descriptor = fixture.collect();
      ASSERT_TRUE(descriptor);
      back.insert(descriptor->handle);
    }
    EXPECT_EQ(back, (std::multiset<uint32_t>{9, 10, 11, 100}));
    fixture.clear_place(1);
  }
}

// The time for which the worker's thread ran, between the first and the last of packets that come one by one.
uint64_t ran_between_packets_ns(bool adaptive) {
  WorkerFixture fixture(1);
  fixture.region().worker().orders.spin_us = 3'000;
  fixture.region().worker().orders.spin_adaptive = adaptive;
  uint64_t first = 0, last = 0;
  Lambda nf([&](Burst&) {
    timespec ran{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
    last = static_cast<uint64_t>(ran.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(ran.tv_nsec);
    if (first == 0) first = last;
  });
  fixture.add(0, nf);
  fixture.start();
  for (uint32_t i = 0; i < 20; ++i) {
    fixture.deliver(0, i, 0, true);
    EXPECT_TRUE(fixture.collect());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  fixture.stop();
  return last - first;
}

TEST(Worker, LooksForLessWhereThatWasInVain) {
  EXPECT_LT(2 * ran_between_packets_ns(true), ran_between_packets_ns(false));
}

class WorkerSleeps : public testing::TestWithParam<WaitMode> {};

TEST_P(WorkerSleeps, AndIsWokenForEachPacket) {
  WorkerFixture fixture(1, 4, GetParam());
  Lambda nf([](Burst&) {});
  fixture.add(0, nf);
  fixture.start();
  for (uint32_t i = 0; i < 200; ++i) {
    fixture.deliver(0, i, 0, true);
    ASSERT_TRUE(fixture.collect()) << i;
  }
  if (GetParam() != WaitMode::spin) {
    EXPECT_GT(fixture.region().worker().report.sleeps, 0u);
  }
}

TEST_P(WorkerSleeps, AndLetsGoOfNfsInItsSleep) {
  WorkerFixture fixture(1, 4, GetParam());
  Lambda nf([](Burst&) {});
  fixture.add(0, nf);
  fixture.start();
  Doorbell& bell = fixture.region().worker().bell;
  const bool sleeps = GetParam() != WaitMode::spin;
  while (sleeps && !bell.park()) continue;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::done);
    fixture.add(0, nf);
  }
  EXPECT_EQ(bell.release(), sleeps) << "the loop's word counts";
  bell.unblock(bell.mode());
  fixture.deliver(0, 1, 0, true);
  EXPECT_TRUE(fixture.collect());
}

INSTANTIATE_TEST_SUITE_P(Modes, WorkerSleeps, testing::Values(WaitMode::futex, WaitMode::semaphore, WaitMode::spin));

}  // namespace
}  // namespace roost

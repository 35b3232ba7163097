// SPDX-License-Identifier: BSD-3-Clause
// Several data loops with threads of their own, and what the control thread does with all of them at once.
#include "scheduler/loops.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "core/error.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

uint32_t a_cpu() {
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof cpus, &cpus);
  uint32_t cpu = 0;
  while (!CPU_ISSET(cpu, &cpus)) ++cpu;
  return cpu;
}

class SeveralLoops : public testing::Test {
 protected:
  static constexpr uint32_t kLoops = 3;

  SeveralLoops() {
    test::start_eal();
    pool_ = std::make_unique<PacketPool>(
        PacketPoolOptions{.name = "loops", .packets = 2048, .hugepages = Hugepages::never, .several_loops = true});
    LoopOptions options;
    options.tsc_hz = measure_tsc_hz();
    options.nfs_max = 64;
    options.hosts_max = 4;
    options.path_units = 64;
    options.flows4_max = 64;
    options.flows_wide_max = 64;
    options.shared = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
    std::vector<Loops::Member> members(kLoops);
    for (uint16_t i = 0; i < kLoops; ++i) {
      members[i].cpu = a_cpu();  // all of them on one
      members[i].ports.push_back(std::make_unique<test::FakePort>(i, pool_->pool()));
    }
    loops_ = std::make_unique<Loops>(options, std::move(members), settings_, *pool_, std::vector<ServiceState>(1),
                                     std::vector<ChainState>{{"a", {0}, 2}}, std::vector<int>{0, 0, -1});
  }

  Settings settings_;
  std::unique_ptr<PacketPool> pool_;
  std::unique_ptr<Loops> loops_;
};

TEST_F(SeveralLoops, CoresBelongToThemInTurn) {
  EXPECT_EQ(loops_->number_of_core(0), 0U);
  EXPECT_EQ(loops_->number_of_core(2), 2U);
  EXPECT_EQ(loops_->number_of_core(4), 1U);
  EXPECT_EQ(&loops_->of_core(3), &(*loops_)[0]);
  const auto placing = loops_->placing();
  ASSERT_EQ(placing.cores.size(), 4U);
  for (const PlacedCore& core : placing.cores) EXPECT_TRUE(core.usable);  // each by its own loop's word
  EXPECT_FALSE((*loops_)[0].placing().cores[1].usable);
}

TEST_F(SeveralLoops, WorkIsDoneWhileNoneOfThemTurns) {
  loops_->start();
  for (int i = 0; i < 50; ++i) {
    uint64_t moved = 0;
    loops_->together([&] {
      std::vector<uint64_t> turns;
      loops_->one_by_one([&](DataLoop& loop) { turns.push_back(loop.counters().turns.get()); });
      for (int yields = 0; yields < 20; ++yields) sched_yield();
      for (uint32_t n = 0; n < kLoops; ++n) moved += (*loops_)[n].counters().turns.get() - turns[n];
    });
    ASSERT_EQ(moved, 0U);
  }
  // And they go on.
  const uint64_t before = loops_->sum(&LoopCounters::turns);
  loops_->one_by_one([](DataLoop& loop) { loop.call([] {}); });
  EXPECT_GT(loops_->sum(&LoopCounters::turns), before);
  loops_->stop();
}

TEST_F(SeveralLoops, WhatTheWorkThrowsIsThrownAndTheyGoOn) {
  loops_->start();
  EXPECT_THROW(loops_->together([] { fail("no"); }), Error);
  int done = 0;
  loops_->each([&](DataLoop&) { ++done; });
  EXPECT_EQ(done, 3);
  EXPECT_TRUE(loops_->books().balanced());
  loops_->stop();
}

TEST_F(SeveralLoops, TheyHaveTheSameChains) {
  const ChainTable& chains = (*loops_)[0].chains();
  EXPECT_EQ(&chains, &(*loops_)[1].chains());
  EXPECT_EQ(&chains, &(*loops_)[2].chains());
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Who is next, without a core: the tests give each worker its turns in virtual time and look at who got how much.
#include "scheduler/policy/core_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace roost {
namespace {

class CoreQueueTest : public testing::Test {
 protected:
  void use(CoreOrder order, uint32_t floor_percent = 5) { queue = make_core_queue({order, floor_percent, 0}); }

  CoreWaiter& worker(uint32_t weight = 100, uint32_t tenant = 0, uint32_t tenant_weight = 100, uint32_t priority = 0) {
    CoreWaiter& one = workers.emplace_back();
    one.id = static_cast<uint32_t>(workers.size() - 1);
    one.weight = weight;
    one.tenant = tenant;
    one.tenant_weight = tenant_weight;
    one.priority = priority;
    queue->add(one);
    return one;
  }

  CoreWaiter* next() {
    CoreWaiter* const first = queue->first();
    if (first != nullptr) queue->take(*first);
    return first;
  }

  // All want the core all the time. As on a core: one has the turn, the next is chosen meanwhile, and the turn is
  // renewed as long as that is right.
  void run(uint32_t turns, const std::function<uint64_t(uint32_t)>& turn_cycles) {
    for (CoreWaiter& one : workers) queue->wait(one);
    CoreWaiter* running = next();
    CoreWaiter* following = next();
    for (uint32_t i = 0; i < turns; ++i) {
      const uint64_t cycles = turn_cycles(running->id);
      used[running->id] += cycles;
      total += cycles;
      queue->charge(*running, cycles);
      const CoreWaiter* const first = queue->first();
      if (following != nullptr && queue->goes_on(*running, *following)) {
        if (first == nullptr || queue->goes_on(*running, *first)) continue;
        queue->wait(*following);
        following = next();
        continue;
      }
      queue->wait(*running);
      running = std::exchange(following, next());
    }
  }
  double share(uint32_t id) { return static_cast<double>(used[id]) / static_cast<double>(total); }

  std::unique_ptr<CoreQueue> queue;
  std::deque<CoreWaiter> workers;
  std::map<uint32_t, uint64_t> used;
  uint64_t total = 0;
};

constexpr auto kSame = [](uint32_t) -> uint64_t { return 1'000; };

TEST_F(CoreQueueTest, FirstComeIsFirstServed) {
  use(CoreOrder::first_come);
  EXPECT_EQ(queue->first(), nullptr);
  for (int i = 0; i < 5; ++i) queue->wait(worker());
  EXPECT_EQ(queue->waiting(), 5U);
  queue->unwait(workers[0]);
  queue->unwait(workers[2]);
  queue->unwait(workers[4]);
  queue->charge(workers[1], 1'000'000);
  EXPECT_EQ(next(), &workers[1]);
  queue->wait(workers[1]);
  EXPECT_EQ(next(), &workers[3]);
  EXPECT_EQ(next(), &workers[1]);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(queue->waiting(), 0U);
  for (CoreWaiter& one : workers) queue->remove(one);
}

TEST_F(CoreQueueTest, EqualWeightsGetEqualTimeHoweverLongTheirTurnsAre) {
  use(CoreOrder::least_used);
  for (int i = 0; i < 4; ++i) worker();
  const uint64_t cycles[] = {50, 250, 1'000, 5'000};
  run(40'000, [&](uint32_t id) { return cycles[id]; });
  for (uint32_t id = 0; id < 4; ++id) EXPECT_NEAR(share(id), 0.25, 0.001) << id;
}

TEST_F(CoreQueueTest, TheReferenceSharesTurnsAndNotTime) {
  use(CoreOrder::first_come);
  for (int i = 0; i < 2; ++i) worker();
  run(10'000, [](uint32_t id) -> uint64_t { return id == 0 ? 1'000 : 3'000; });
  EXPECT_NEAR(share(0), 0.25, 0.001);
}

TEST_F(CoreQueueTest, TimeFollowsWeightsAlsoWhereThereAreOnlyTwo) {
  use(CoreOrder::least_used);
  worker(900);
  worker(100);
  run(100'000, kSame);
  EXPECT_NEAR(share(0), 0.9, 0.001);
}

TEST_F(CoreQueueTest, TimeFollowsWeightsOfMany) {
  use(CoreOrder::least_used);
  uint32_t sum = 0;
  for (uint32_t i = 1; i <= 20; ++i) sum += worker(i * 10).weight;
  std::mt19937 random(7);
  run(400'000, [&](uint32_t) -> uint64_t { return 500 + random() % 1'000; });
  for (uint32_t id = 0; id < 20; ++id)
    EXPECT_NEAR(share(id), workers[id].weight / static_cast<double>(sum), 0.001) << id;
}

TEST_F(CoreQueueTest, AWeightOfNothingIsTheLeastThereIs) {
  use(CoreOrder::least_used);
  worker(0);
  worker(1);
  run(10'000, kSame);
  EXPECT_NEAR(share(0), 0.5, 0.01);
}

TEST_F(CoreQueueTest, TenantsFirstThenTheirWorkers) {
  use(CoreOrder::least_used);
  for (int i = 0; i < 10; ++i) worker(100, 1, 100);
  worker(100, 2, 100);
  worker(300, 3, 200);
  worker(100, 3, 200);
  run(400'000, kSame);
  for (uint32_t id = 0; id < 10; ++id) EXPECT_NEAR(share(id), 0.025, 0.001) << id;
  EXPECT_NEAR(share(10), 0.25, 0.001);
  EXPECT_NEAR(share(11), 0.375, 0.001);
  EXPECT_NEAR(share(12), 0.125, 0.001);
}

TEST_F(CoreQueueTest, WhoPausedIsSoonServedAndHasSavedNothingUp) {
  use(CoreOrder::least_used);
  CoreWaiter &a = worker(), &b = worker(), &late = worker();
  queue->wait(a);
  queue->wait(b);
  for (int i = 0; i < 1'000; ++i) {
    CoreWaiter* const one = next();
    queue->charge(*one, 1'000);
    queue->wait(*one);
  }
  queue->wait(late);
  uint32_t turns = 0, until = 0;
  for (uint32_t i = 0; i < 300; ++i) {
    CoreWaiter* const one = next();
    if (one == &late && turns++ == 0) until = i;
    queue->charge(*one, 1'000);
    queue->wait(*one);
  }
  EXPECT_LE(until, 2U);
  EXPECT_NEAR(turns, 100, 2);
}

TEST_F(CoreQueueTest, WhatItUsedIsNotForgottenByAShortPause) {
  use(CoreOrder::least_used);
  CoreWaiter &greedy = worker(), &other = worker();
  queue->wait(greedy);
  ASSERT_EQ(next(), &greedy);
  queue->wait(other);
  queue->charge(greedy, 10'000);
  queue->absent(greedy);
  queue->wait(greedy);
  for (int i = 0; i < 9; ++i) {
    ASSERT_EQ(next(), &other) << i;
    queue->charge(other, 1'000);
    queue->wait(other);
  }
}

TEST_F(CoreQueueTest, ADebtIsBounded) {
  queue = make_core_queue({CoreOrder::least_used, 5, 10'000});
  CoreWaiter &runaway = worker(), &other = worker();
  queue->wait(runaway);
  ASSERT_EQ(next(), &runaway);
  queue->wait(other);
  queue->charge(runaway, uint64_t{1} << 50);
  queue->wait(runaway);
  uint32_t turns = 0;
  for (; turns < 100 && next() == &other; ++turns) {
    queue->charge(other, 1'000);
    queue->wait(other);
  }
  EXPECT_NEAR(turns, 10, 1);
}

TEST_F(CoreQueueTest, AHigherPriorityGoesFirstButForTheFloor) {
  use(CoreOrder::priority, 10);
  worker(100, 0, 100, 7);
  worker(100, 0, 100, 7);
  worker(100, 0, 100, 3);
  worker(100, 0, 100, 0);
  run(100'000, kSame);
  EXPECT_NEAR(share(0), 0.45, 0.005);
  EXPECT_NEAR(share(1), 0.45, 0.005);
  EXPECT_NEAR(share(2), 0.05, 0.005);
  EXPECT_NEAR(share(3), 0.05, 0.005);
}

TEST_F(CoreQueueTest, WithoutAFloorPriorityIsStrict) {
  use(CoreOrder::priority, 0);
  worker(100, 0, 100, 1);
  worker(100, 0, 100, 1);
  worker(100, 0, 100, 0);
  run(10'000, kSame);
  EXPECT_EQ(used[2], 0U);
  EXPECT_NEAR(share(0), 0.5, 0.01);
}

TEST_F(CoreQueueTest, APriorityIsWorthNothingAgainstAnotherTenant) {
  use(CoreOrder::priority);
  worker(100, 1, 100, 7);
  worker(100, 2, 100, 0);
  run(10'000, kSame);
  EXPECT_NEAR(share(0), 0.5, 0.01);
}

TEST_F(CoreQueueTest, WhoeverLeavesIsNeverChosen) {
  use(CoreOrder::least_used);
  std::mt19937 random(3);
  for (uint32_t i = 0; i < 200; ++i) queue->wait(worker(1 + random() % 300, i % 7));
  std::vector<bool> gone(200);
  for (uint32_t i = 0; i < 200; i += 3) {
    queue->unwait(workers[i]);
    queue->remove(workers[i]);
    gone[i] = true;
  }
  uint32_t served = 0;
  for (CoreWaiter* one; (one = next()) != nullptr; ++served) {
    EXPECT_FALSE(gone[one->id]);
    queue->charge(*one, random() % 5'000);
  }
  EXPECT_EQ(served, 133U);
  EXPECT_EQ(queue->waiting(), 0U);
}

}  // namespace
}  // namespace roost

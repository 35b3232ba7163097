// SPDX-License-Identifier: BSD-3-Clause
// Thresholds that follow the load: who has them, what is measured for them, and where they go.
#include <gtest/gtest.h>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopSojourn : public test::LoopTest {
 protected:
  const WorkerOrders& orders(const test::FakeHost& host) { return host.region.worker().orders; }
  void set_target(uint64_t us) {
    settings.set(Setting::sojourn_target_us, us);
    loop->refresh_orders();
  }
  uint64_t changes() const { return loop->counters().thresholds_changed.get(); }
  // Packets that come back at once, each after a wake-up of its own.
  void packets(test::FakeHost& host, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      host.announce();
      turns(2);
      put(1);
      EXPECT_TRUE(turn_until([&] { return host.state_of_bell() == Doorbell::kAwake; }));
      host.serve(paths);
      turns(2);
    }
  }
};

TEST_F(DataLoopSojourn, OnlyAWorkerWithATargetIsControlled) {
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  EXPECT_EQ(loop->control_of(0), nullptr);
  EXPECT_EQ(loop->control_of(7), nullptr) << "there is no such host";
  set_target(400);
  ASSERT_NE(loop->control_of(0), nullptr);
  EXPECT_EQ(loop->control_of(0)->threshold().packets, 32U) << "half an inbox";
  EXPECT_EQ(orders(host).wake_packets, 32U);
  EXPECT_NEAR(orders(host).wake_deadline_us, 100, 1) << "a quarter, to begin with";
  set_target(0);
  EXPECT_EQ(loop->control_of(0), nullptr);
  EXPECT_EQ(orders(host).wake_packets, 1U);
  EXPECT_EQ(orders(host).wake_deadline_us, 50U);
}

TEST_F(DataLoopSojourn, AHostsOwnTargetCountsBeforeTheManagers) {
  build({});
  add_nf(0, 0, add_host(0, 1), 0);
  add_nf(1, 0, add_host(1, 1), 0);
  loop->set_host(1, 100, {.sojourn_target_us = 1'000});
  EXPECT_EQ(loop->control_of(0), nullptr);
  ASSERT_NE(loop->control_of(1), nullptr);
  set_target(200);
  const uint64_t hz = small().tsc_hz;
  EXPECT_EQ(loop->control_of(0)->options().target_cycles, hz * 200 / 1'000'000);
  EXPECT_EQ(loop->control_of(1)->options().target_cycles, hz * 1'000 / 1'000'000);
  const SojournControl* const before = loop->control_of(1);
  loop->set_host(1, 100, {.sojourn_target_us = 0});
  EXPECT_EQ(loop->control_of(1), nullptr) << "it wants none";
  EXPECT_NE(before, nullptr);
}

TEST_F(DataLoopSojourn, TheSmallestInboxBoundsWhatMayWait) {
  settings.set(Setting::sojourn_target_us, 400);
  build({});
  auto& host = add_host(0, 3);
  add_nf(0, 0, host, 0);
  EXPECT_EQ(loop->control_of(0)->threshold().packets, 32U);
  loop->add_nfs(1, 1, 0, 0, 1, 4);
  nfs_used = 2;
  EXPECT_EQ(loop->control_of(0)->threshold().packets, 8U);
  EXPECT_EQ(orders(host).wake_packets, 8U);
  loop->add_nfs(2, 1, 0, 0, 2, 5);
  nfs_used = 3;
  EXPECT_EQ(loop->control_of(0)->threshold().packets, 8U);
}

TEST_F(DataLoopSojourn, PacketsWaitForTheDeadlineThatWasChosen) {
  settings.set(Setting::sojourn_target_us, 1'000'000);
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  host.announce();
  turns(2);
  for (int i = 0; i < 31; ++i) put(1);
  turns(3);
  EXPECT_EQ(host.state_of_bell(), Doorbell::kParked) << "the standard would have woken it";
  put(1);
  turns(2);
  EXPECT_EQ(host.state_of_bell(), Doorbell::kAwake) << "half an inbox";
}

TEST_F(DataLoopSojourn, WhatComesBackIsSeenAndMovesTheThreshold) {
  settings.set(Setting::sojourn_target_us, 2'000);
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  // All alone: each is woken for, and after some none is made to wait any more.
  for (int i = 0; i < 5'000 && loop->control_of(0)->threshold().deadline_cycles != 0; ++i) packets(host, 1);
  EXPECT_EQ(loop->control_of(0)->threshold().deadline_cycles, 0U);
  EXPECT_GE(changes(), 1U);
  EXPECT_NE(loop->control_of(0)->p99_cycles(), 0U);
  EXPECT_EQ(orders(host).wake_deadline_us, 0U);
}

// What is in the middle of its chain has spent its part of the target: half of it after one of two hops.
TEST_F(DataLoopSojourn, OnAChainEachWorkerHoldsItsPartOfTheTarget) {
  settings.set(Setting::sojourn_target_us, 1'000'000);
  build({.services = 2, .chains = {{0, 1}}});
  auto& first = add_host(0, 1);
  auto& second = add_host(1, 1);
  add_nf(0, 0, first, 0);
  add_nf(1, 1, second, 0);
  const uint64_t hz = small().tsc_hz, began = tsc_now();
  for (int i = 0; i < 32; ++i) put(1);
  turns(2);
  const uint64_t until = tsc_now() + hz * 6 / 10;  // until the window may end, too
  while (tsc_now() < until) turns();
  first.serve(paths);
  turns(2);
  second.serve(paths);
  turns(2);
  ASSERT_NE(loop->control_of(0)->p99_cycles(), 0U);
  ASSERT_NE(loop->control_of(1)->p99_cycles(), 0U);
  EXPECT_GT(loop->control_of(0)->p99_cycles(), hz * 11 / 10) << "twice what they took";
  EXPECT_LE(loop->control_of(1)->p99_cycles(), tsc_now() - began + hz / 64) << "what they took, and a bin's width";
  EXPECT_GT(loop->control_of(1)->p99_cycles(), hz * 5 / 10);
}

}  // namespace
}  // namespace roost

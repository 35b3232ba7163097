// SPDX-License-Identifier: BSD-3-Clause
// Packet code never allocates, also where more workers are up and more NFs have backlogs than ever before.
#include <gtest/gtest.h>

#include "tests/scheduler/allocations.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopAllocation : public test::LoopTest {
 protected:
  void counted_turns(uint32_t count) {
    const uint64_t before = test::allocations();
    turns(count);
    allocations_ += test::allocations() - before;
  }
  uint64_t allocations_ = 0;
};

TEST_F(DataLoopAllocation, ManyWorkersWakeAndManyNfsHaveBacklogs) {
  constexpr uint32_t kHosts = 40;
  auto options = small();
  options.hosts_max = kHosts + 1;
  settings.set(Setting::awake_max, 1'024);
  build({.services = 2, .chains = {{0, 1}}, .options = options});
  auto& first = add_host(0, 1);
  add_nf(0, 0, first, 0);
  // One after the other, each asleep before the next one comes: the lists have never been long.
  for (uint32_t id = 1; id <= kHosts; ++id) {
    auto& host = add_host(id, 1, 2);
    add_nf(id, 1, host, 0);
    host.announce();
    turns(2);
    ASSERT_EQ(host.state_of_bell(), Doorbell::kParked);
  }
  last->sent.reserve(1'000);
  for (uint32_t round = 0; round < 6; ++round) {
    for (uint32_t i = 0; i < 60; ++i) put(60 * round + i);
    counted_turns(2);
    first.serve(paths);
    counted_turns(2);
  }
  EXPECT_GT(loop->counters().kernel_wakes.get(), kHosts / 2);
  EXPECT_GT(dropped(DropCause::backpressure), 0U);  // so there were backlogs
  for (auto& host : hosts) host->serve(paths);
  counted_turns(3);
  EXPECT_EQ(allocations_, 0U);
}

TEST_F(DataLoopAllocation, ManyWorkersWaitForTheirCore) {
  constexpr uint32_t kHosts = 40;
  auto options = small();
  options.hosts_max = kHosts;
  settings.set(Setting::awake_max, 2);
  build({.options = options});
  for (uint32_t id = 0; id < kHosts; ++id) {
    auto& host = add_host(id, 1);
    add_nf(id, 0, host, 0);
    host.announce();
    turns(2);
  }
  last->sent.reserve(1'000);
  for (uint32_t i = 0; i < 60; ++i) put(i);
  counted_turns(2);
  put(60);
  counted_turns(2);
  const uint64_t waits = loop->counters().core_waits.get();
  EXPECT_GT(waits, kHosts / 4);
  for (uint32_t round = 0; round < kHosts; ++round)
    for (auto& host : hosts)
      if (host->state_of_bell() == Doorbell::kAwake) {
        host->serve(paths);
        host->announce();
        counted_turns(3);
      }
  EXPECT_EQ(loop->counters().kernel_wakes.get(), waits + 2);
  EXPECT_EQ(allocations_, 0U);
}

// What the count is worth.
TEST_F(DataLoopAllocation, IsSeen) {
  build({});
  const uint64_t before = test::allocations();
  auto& host = add_host(0, 1);
  EXPECT_EQ(test::allocations() > before, test::kCountsAllocations);
  add_nf(0, 0, host, 0);
}

}  // namespace
}  // namespace roost

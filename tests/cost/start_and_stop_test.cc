// SPDX-License-Identifier: BSD-3-Clause
// Starting or stopping one of N costs O(log N): counted at 100 and at 10,000, without processes.
#include <gtest/gtest.h>

#include "scheduler/registry.h"
#include "tests/cost/count.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

constexpr uint32_t kFew = 100, kMany = 10'000;
constexpr uint64_t kRatioMost = 3;  // log(kMany) / log(kFew) is 2; one walk over all of them would make it 50 and more

TEST(CostOfRanges, InFragmentedNumbers) {
  const auto cost = [](uint32_t holes) {
    RangeAllocator ranges(4 * holes);
    ranges.take(4 * holes);
    for (uint32_t i = 0; i < holes; ++i) ranges.give_back(4 * i, i == holes - 1 ? 3 : 1);
    return test::cost_of([&] { ranges.give_back(*ranges.take(3), 3); });
  };
  EXPECT_GT(cost(kFew), 0U);
  EXPECT_LT(cost(kMany), kRatioMost * cost(kFew));
}

class CostInTheRegistry : public testing::Test {
 protected:
  HostLink& start(Registry& registry, Tier tier, const std::string& tenant) {
    auto host = std::make_unique<HostLink>(registry.take_host_number(), HostLayout{.nfs_max = 4});
    host->tier = tier;
    host->tenant = tenant;
    HostLink& added = registry.add_host(std::move(host));
    for (int i = 0; i < 2; ++i) registry.add_group(registry.reserve(added, 2, 0, 4));
    return added;
  }
  void fill(Registry& registry, uint32_t hosts, Tier tier) {
    for (uint32_t i = 0; i < hosts; ++i) start(registry, tier, std::to_string(i));
    for (uint32_t i = 0; i < hosts; i += 10) registry.remove_host(i);  // there are holes, too
  }
};

TEST_F(CostInTheRegistry, OfAHostThatComesAndGoes) {
  for (const Tier tier : {Tier::process, Tier::fiber}) {
    const auto cost = [&](uint32_t hosts) {
      Registry registry(2 * kMany, 8 * kMany, 1);
      fill(registry, hosts, tier);
      return test::cost_of([&] {
        registry.fiber_host("new", 0, 1);
        HostLink& host = start(registry, tier, "new");
        registry.fiber_host("new", 0, 1);
        for (const uint32_t first : host.groups) registry.group(first);
        registry.close_host(host);
        registry.remove_host(host.id);
      });
    };
    EXPECT_LT(cost(kMany), kRatioMost * cost(kFew));
  }
}

TEST_F(CostInTheRegistry, OfOneNfThatIsStopped) {
  const auto cost = [&](uint32_t hosts) {
    Registry registry(2 * kMany, 8 * kMany, 1);
    fill(registry, hosts, Tier::process);
    return test::cost_of([&] {
      const uint32_t nf = 4 * (hosts / 2) + 5;
      registry.split_group(nf);
      registry.split_group(nf + 1);
      for (const uint32_t first : registry.groups_within(nf, 1)) registry.remove_group(first);
    });
  };
  EXPECT_LT(cost(kMany), kRatioMost * cost(kFew));
}

// The loop's part, with hosts whose workers sleep.
class CostInTheLoop : public test::LoopTest {
 protected:
  static constexpr size_t kRegionBytes = 4096;
  const HostLayout layout_{1, 4, 2, 2};

  HostRegion region(uint32_t id) { return {memory_.get() + id * kRegionBytes, layout_}; }
  void start(uint32_t id) {
    auto state = std::make_unique<HostState>();
    state->id = id;
    state->region = region(id);
    state->inbox = state->region.inbox<RingProducer>();
    state->outbox = state->region.outbox<RingConsumer>();
    state->grants = state->region.grants<RingProducer>();
    state->region.worker().bell.init(WaitMode::futex);
    state->region.worker().report.deadline_tsc = UINT64_MAX;
    loop->add_host(std::move(state));
    loop->add_nfs(id, 1, 0, id, 0, 2);
    reinterpret_cast<std::atomic<uint32_t>&>(region(id).worker().bell) = Doorbell::kAnnounced;
    turns(2);
  }
  void stop(uint32_t id) {
    bool swept = false;
    loop->retire_nfs(id, 1);
    loop->remove_host(id, [&] { swept = true; });
    turns(1);
    EXPECT_TRUE(swept);
  }

  std::unique_ptr<std::byte[]> memory_{new std::byte[(kMany + 1) * kRegionBytes]{}};
};

TEST_F(CostInTheLoop, OfAHostThatComesAndGoes) {
  ASSERT_LE(layout_.bytes(), kRegionBytes);
  auto options = small();
  options.hosts_max = options.nfs_max = kMany + 1;
  build({.options = options});
  const auto cost = [&](uint32_t id) {
    return test::cost_of([&] {
      start(id);
      stop(id);
    });
  };
  for (uint32_t id = 0; id < kFew; ++id) start(id);
  const uint64_t few = cost(kMany);
  for (uint32_t id = kFew; id < kMany; ++id) start(id);
  const uint64_t many = cost(kMany);
  EXPECT_GT(few, 0U);
  EXPECT_LT(many, kRatioMost * few);
  // And the sweep is one for all that go together.
  const uint64_t ten = test::cost_of([&] {
    uint32_t swept = 0;
    for (uint32_t id = 0; id < 10; ++id) {
      loop->retire_nfs(id, 1);
      loop->remove_host(id, [&] { ++swept; });
    }
    turns(1);
    EXPECT_EQ(swept, 10U);
  });
  EXPECT_LT(ten, kRatioMost * many);
}

}  // namespace
}  // namespace roost

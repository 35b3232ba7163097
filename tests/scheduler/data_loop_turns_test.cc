// SPDX-License-Identifier: BSD-3-Clause
// Whose turn it is on a shared core: who waits for it, who is told to give way, and to whom.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopTurns : public test::LoopTest {
 protected:
  static constexpr uint64_t kTurnUs = 200;

  // Host i with one NF of service i, on one shared core, all asleep; chain i goes to service i.
  void cores_of(uint16_t count, std::function<void(HostState&)> change = {}) {
    settings.set(Setting::turn_us, kTurnUs);
    std::vector<std::vector<uint16_t>> chains;
    for (uint16_t i = 0; i < count; ++i) chains.push_back({i});
    build({.services = count, .chains = chains, .ports = static_cast<uint16_t>(count + 1)});
    for (uint16_t i = 0; i < count; ++i) {
      test::FakeHost& host = *hosts.emplace_back(std::make_unique<test::FakeHost>(i, 1, 6));
      auto state = host.state();
      if (change) change(*state);
      loop->add_host(std::move(state));
      add_nf(i, i, host, 0);
      host.announce();
    }
    turns(2);
    for (uint16_t i = 0; i < count; ++i) ASSERT_FALSE(up(i));
  }
  void packet_for(uint16_t host) { ports[host]->put(1); }
  bool up(uint32_t host) { return hosts[host]->state_of_bell() != Doorbell::kParked; }
  uint32_t rest(uint32_t host) { return hosts[host]->region.worker().orders.rest.load(); }
  std::vector<uint32_t> all_up() {
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < hosts.size(); ++i)
      if (up(i)) ids.push_back(i);
    return ids;
  }
  WorkerReport& report(uint32_t host) { return hosts[host]->region.worker().report; }
  // It works for so long, and has packets left.
  void work(uint32_t host, uint64_t us) {
    const uint64_t until = tsc_now() + clock.from_us(us);
    while (tsc_now() < until) turns();
    report(host).busy_cycles += clock.from_us(us);
  }
  void sleep_with_more(uint32_t host) {
    report(host).deadline_tsc = kHasMore;
    hosts[host]->announce();
    turns(2);
  }
  void sleep_dry(uint32_t host) {
    for (const Descriptor& d : hosts[host]->take(0)) hosts[host]->answer(d, next().with_hops(1));
    report(host).deadline_tsc = kNoDeadline;
    hosts[host]->announce();
    turns(3);
  }

  const TscClock clock{small().tsc_hz};
  std::array<uint64_t, 3> used{};  // cycles, by host
};

TEST_F(DataLoopTurns, NoMoreAreUpThanTheCoreMayHaveAndTheOthersFollow) {
  settings.set(Setting::awake_max, 2);
  cores_of(5);
  for (uint16_t i = 0; i < 5; ++i) packet_for(i);
  turns();
  EXPECT_EQ(all_up(), (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(loop->counters().core_waits.get(), 3U);
  EXPECT_EQ(rest(0), kRestWhenDry);
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(up(i)) << i;
    sleep_dry(i);
    EXPECT_LE(all_up().size(), 2U);
  }
  EXPECT_EQ(all_up(), std::vector<uint32_t>{});
  EXPECT_EQ(loop->counters().kernel_wakes.get(), 5U);
}

TEST_F(DataLoopTurns, OneThatHasNothingToDoMakesRoomBeforeAnyTurnIsCut) {
  settings.set(Setting::awake_max, 1);
  cores_of(2);
  packet_for(0);
  turns();
  for (const Descriptor& d : hosts[0]->take(0)) hosts[0]->answer(d, next().with_hops(1));
  EXPECT_EQ(rest(0), kStay);
  packet_for(1);
  turns();
  EXPECT_EQ(rest(0), kRestWhenDry);
  EXPECT_FALSE(up(1));
  sleep_dry(0);
  EXPECT_TRUE(up(1));
  EXPECT_EQ(loop->counters().turns_ended.get(), 0U);
}

// An NF that waits in the middle of its work keeps its worker up, and has no packets.
TEST_F(DataLoopTurns, OneThatHasNoPacketsAndDoesNotSleepHasNoMoreThanItsTurn) {
  settings.set(Setting::awake_max, 1);
  cores_of(2);
  packet_for(0);
  turns();
  for (const Descriptor& d : hosts[0]->take(0)) hosts[0]->answer(d, next().with_hops(1));
  turns();
  packet_for(1);
  turns();
  EXPECT_FALSE(up(1));
  ASSERT_TRUE(turn_until([&] {
    report(0).busy_cycles += clock.from_us(kTurnUs / 8);
    return rest(0) == kGiveWay;
  }));
  sleep_with_more(0);
  EXPECT_TRUE(up(1));
}

TEST_F(DataLoopTurns, ATurnEndsWhereAnotherWaitsAndGoesOnWhereNobodyDoes) {
  cores_of(2);
  packet_for(0);
  turns();
  work(0, 5 * kTurnUs);
  EXPECT_NE(rest(0), kGiveWay);
  packet_for(1);
  turns();
  ASSERT_TRUE(up(1));
  EXPECT_TRUE(turn_until([&] {
    work(0, kTurnUs / 2);
    return rest(0) == kGiveWay;
  }));
  EXPECT_EQ(loop->counters().turns_ended.get(), 1U);
  EXPECT_NE(rest(1), kGiveWay);
  sleep_with_more(0);
  EXPECT_TRUE(up(0));  // there is room for the next, and that is this one again
  EXPECT_EQ(rest(0), kRestWhenDry);
}

// The control side says what a host weighs, whichever NFs come and go.
TEST_F(DataLoopTurns, AHostWeighsWhatItIsSaidTo) {
  const HostState* host = nullptr;
  cores_of(1, [&](HostState& state) { host = &state; });
  loop->set_host(0, 250, {});
  EXPECT_EQ(host->waiter.weight, 250U);
  loop->retire_nfs(0, 1);
  loop->forget_nfs(0, 1);
  EXPECT_EQ(host->weight, 250U);
  EXPECT_EQ(host->waiter.weight, 250U);
}

// All three have packets without end and report what they use, of which one owns up to half.
TEST_F(DataLoopTurns, TimeIsSharedByWeightWhateverAWorkerReports) {
  const std::array<uint32_t, 3> weights{100, 300, 100};
  cores_of(3, [&](HostState& host) {
    host.weight = weights[host.id];
    host.cpu.set_meter([this, id = host.id] { return used[id]; });  // as the kernel counts it
  });
  for (uint16_t i = 0; i < 3; ++i) packet_for(i);
  turns();
  uint64_t total = 0;
  uint32_t running = 0;
  bool blocked = false;
  const auto runs = [&](uint32_t i) { return up(i) && rest(i) != kStandBy; };
  while (loop->counters().turns_ended.get() < 600 && total < clock.from_us(4'000'000)) {
    // As the kernel would: one goes on until it blocks, then another does.
    for (uint32_t i = 0; i < 3 && (blocked || !runs(running)); ++i) {
      running = (running + 1) % 3;
      blocked = !runs(running);
    }
    blocked = false;
    const uint64_t from = tsc_now();
    turns();
    // Where this thread was off its core, that was nobody's time.
    const uint64_t passed = std::min(tsc_now() - from, clock.from_us(kTurnUs / 4));
    used[running] += passed;
    total += passed;
    report(running).busy_cycles += running == 2 ? passed / 2 : passed;
    if (rest(running) != kGiveWay) continue;
    sleep_with_more(running);
    blocked = true;
  }
  EXPECT_GT(loop->counters().turns_ended.get(), 100U);
  for (uint32_t i = 0; i < 3; ++i)
    EXPECT_NEAR(static_cast<double>(used[i]) / static_cast<double>(total), weights[i] / 500.0, 0.15) << i;
  expect_nothing_held = false;
}

TEST_F(DataLoopTurns, WhoDoesNotGiveWayHoldsUpNobody) {
  cores_of(4);
  for (uint16_t i = 0; i < 4; ++i) packet_for(i);
  turns();
  ASSERT_TRUE(up(0));
  // It never says anything again. The others take turns all the same.
  std::array<uint32_t, 4> had{};
  EXPECT_TRUE(turn_until([&] {
    for (uint32_t i = 1; i < 4; ++i) {
      if (!up(i)) continue;
      ++had[i];
      report(i).busy_cycles += clock.from_us(kTurnUs);
      work(i, kTurnUs / 4);
      if (rest(i) == kGiveWay) sleep_with_more(i);
    }
    return rest(0) == kGiveWay && had[1] != 0 && had[2] != 0 && had[3] != 0;
  }));
  EXPECT_GE(loop->counters().squats.get(), 1U);
  for (uint32_t i = 1; i < 4; ++i) EXPECT_GT(had[i], 0U) << i;
  sleep_with_more(0);  // at last
  EXPECT_LE(all_up().size(), 4U);
  for (uint32_t i = 0; i < 4; ++i) sleep_dry(i);
  EXPECT_TRUE(turn_until([&] {
    for (const uint32_t i : all_up()) sleep_dry(i);
    return all_up().empty();
  }));
}

TEST_F(DataLoopTurns, OneThatPollsIsNoPartOfIt) {
  settings.set(Setting::awake_max, 1);
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
  for (uint32_t i = 0; i < 2; ++i) {
    test::FakeHost& host = *hosts.emplace_back(std::make_unique<test::FakeHost>(i, 1, 6));
    auto state = host.state();
    state->wait_mode = WaitMode::spin;
    loop->add_host(std::move(state));
    add_nf(i, static_cast<uint16_t>(i), host, 0);
    packet_for(static_cast<uint16_t>(i));
  }
  settings.set(Setting::turn_us, 20);
  turns();
  work(0, 500);
  for (uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rest(i), kStay);
    EXPECT_EQ(hosts[i]->region.worker().orders.awake_peers.load(), 1U);
  }
}

TEST_F(DataLoopTurns, AHostThatGoesWhileItWaitsIsForgotten) {
  settings.set(Setting::awake_max, 1);
  cores_of(3);
  for (uint16_t i = 0; i < 3; ++i) packet_for(i);
  turns();
  EXPECT_EQ(all_up(), std::vector<uint32_t>{0});
  remove_host(*hosts[1], {1});
  ASSERT_EQ(hosts.size(), 2U);
  sleep_dry(0);
  EXPECT_TRUE(up(1));  // the third, now second in the test's list
  sleep_dry(1);
  EXPECT_TRUE(all_up().empty());
}

TEST_F(DataLoopTurns, AnotherPolicyTakesOverThoseWhoWait) {
  settings.set(Setting::awake_max, 1);
  cores_of(4);
  for (uint16_t i = 0; i < 4; ++i) packet_for(i);
  turns();
  for (const uint64_t policy : {0U, 2U, 3U, 1U}) {
    settings.set(Setting::share_policy, policy);
    loop->refresh_orders();
    turns(2);
    EXPECT_EQ(all_up().size(), 1U);
  }
  for (int i = 0; i < 4; ++i) {
    const auto awake = all_up();
    ASSERT_EQ(awake.size(), 1U);
    sleep_dry(awake[0]);
  }
  EXPECT_TRUE(all_up().empty());
}

// What a deadline promises while a core is full: a place in the queue, and from there a turn each of those before it.
TEST_F(DataLoopTurns, ADeadlineThatComesWhileTheCoreIsFullMeansAPlaceInTheQueue) {
  settings.set(Setting::awake_max, 1);
  settings.set(Setting::wake_packets, 100);
  settings.set(Setting::wake_deadline_us, 1'000);
  cores_of(2);
  packet_for(0);
  EXPECT_TRUE(turn_until([&] { return up(0); }));
  packet_for(1);
  turns();
  EXPECT_TRUE(turn_until([&] { return loop->counters().core_waits.get() == 1; }));
  EXPECT_FALSE(up(1));
  EXPECT_TRUE(turn_until([&] {
    work(0, kTurnUs / 4);
    return rest(0) == kGiveWay;
  }));
  sleep_with_more(0);
  EXPECT_TRUE(up(1));
  expect_nothing_held = false;
}

}  // namespace
}  // namespace roost

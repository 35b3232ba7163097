// SPDX-License-Identifier: BSD-3-Clause
// Workers that move between shared cores: when they are told to, where they go, and that their packets don't notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopRebalance : public test::LoopTest {
 protected:
  static constexpr uint32_t kCpu = 70;  // of the first shared core; fakes run nowhere

  // Host i with one NF of service i, all of them on shared core 0 and asleep; chain i goes to service i.
  void cores_of(uint32_t cores, uint16_t count, std::function<void(HostState&)> change = {}) {
    settings.set(Setting::share_period_ms, 1);
    settings.set(Setting::rebalance_ms, 5);
    std::vector<std::vector<uint16_t>> chains;
    for (uint16_t i = 0; i < count; ++i) chains.push_back({i});
    auto options = small();
    for (uint32_t i = 0; i < cores; ++i) options.shared.push_back({kCpu + i, 0});
    build({.services = count, .chains = chains, .ports = static_cast<uint16_t>(count + 1), .options = options});
    loop->on_move([this](uint32_t host, uint32_t core) { told.emplace_back(host, core); });
    for (uint16_t i = 0; i < count; ++i) {
      test::FakeHost& host = *hosts.emplace_back(std::make_unique<test::FakeHost>(i, 1, 6));
      auto state = host.state();
      if (change) change(*state);
      states.push_back(state.get());
      loop->add_host(std::move(state));
      add_nf(i, i, host, 0);
      host.announce();
    }
    turns(2);
  }
  WorkerRecord& worker(uint32_t host) { return hosts[host]->region.worker(); }
  bool up(uint32_t host) { return hosts[host]->state_of_bell() != Doorbell::kParked; }
  uint32_t rest(uint32_t host) { return worker(host).orders.rest.load(); }
  uint32_t cpu(uint32_t host) { return worker(host).orders.cpu.load(); }
  uint32_t cpu_orders(uint32_t host) { return worker(host).orders.cpu_orders.load(); }
  uint64_t moves() const { return loop->counters().moves.get(); }

  void give_back(uint32_t host) {
    for (const Descriptor& d : hosts[host]->take(0)) hosts[host]->answer(d, next().with_hops(1));
  }
  void sleep_with_more(uint32_t host) {
    worker(host).report.deadline_tsc = kHasMore;
    hosts[host]->announce();
    turns(2);
  }
  void sleep_dry(uint32_t host) {
    give_back(host);
    worker(host).report.deadline_tsc = kNoDeadline;
    hosts[host]->announce();
    turns(3);
  }
  // Hosts below `count` have packets all the time, and each could fill a core with them; those told to give way do.
  void busy_turn(uint32_t count) {
    const uint64_t from = tsc_now();
    for (uint16_t i = 0; i < count; ++i) ports[i]->put(1, tags++);
    turns();
    for (uint32_t i = 0; i < count; ++i) {
      if (!up(i)) continue;
      give_back(i);
      worker(i).report.busy_cycles += tsc_now() - from;
      if (rest(i) == kGiveWay) sleep_with_more(i);
    }
  }

  std::vector<HostState*> states;
  std::vector<std::pair<uint32_t, uint32_t>> told;
  uint32_t tags = 0;
};

TEST_F(DataLoopRebalance, OneOfTwoBusyWorkersMovesToTheIdleCore) {
  cores_of(2, 2);
  EXPECT_TRUE(turn_until([&] {
    busy_turn(2);
    return moves() == 1;
  }));
  ASSERT_EQ(told.size(), 1U);
  const auto [host, core] = told.front();
  EXPECT_EQ(core, 1U);
  EXPECT_EQ(states[host]->core, 1U);
  EXPECT_EQ(cpu(host), kCpu + 1);
  EXPECT_EQ(cpu_orders(host), 1U);
  EXPECT_EQ(cpu_orders(1 - host), 0U);
  const uint64_t until = tsc_now() + small().tsc_hz / 10;
  while (tsc_now() < until) busy_turn(2);
  EXPECT_EQ(moves(), 1U) << "and there it stays";
}

TEST_F(DataLoopRebalance, NobodyMovesWithTheSettingAtNought) {
  cores_of(2, 2);
  settings.set(Setting::rebalance_ms, 0);
  loop->refresh_orders();
  const uint64_t until = tsc_now() + small().tsc_hz / 10;
  while (tsc_now() < until) busy_turn(2);
  EXPECT_EQ(moves(), 0U);
  EXPECT_EQ(states[0]->demand, 0.0);
  // Set while they are up, and stay so: loads are measured from now on.
  settings.set(Setting::rebalance_ms, 5);
  loop->refresh_orders();
  EXPECT_TRUE(turn_until([&] {
    busy_turn(2);
    return moves() == 1;
  }));
}

TEST_F(DataLoopRebalance, WithOneCoreNothingIsMeasured) {
  cores_of(1, 2);
  const uint64_t until = tsc_now() + small().tsc_hz / 20;
  while (tsc_now() < until) busy_turn(2);
  EXPECT_EQ(moves(), 0U);
  EXPECT_EQ(states[0]->demand, 0.0);
  EXPECT_EQ(states[0]->load.load, 0.0);
}

TEST_F(DataLoopRebalance, OneThatSleepsMovesAtOnceAndOneThatIsUpGivesWay) {
  cores_of(2, 2);
  ports[0]->put(1);
  turns();
  ASSERT_TRUE(up(0));
  loop->set_usable(0, false);
  EXPECT_EQ(states[1]->core, 1U);
  EXPECT_EQ(states[0]->core, 0U);
  EXPECT_EQ(rest(0), kGiveWay);
  turns(10);
  EXPECT_EQ(states[0]->core, 0U) << "not before it has come to a boundary";
  sleep_with_more(0);
  EXPECT_EQ(states[0]->core, 1U);
  EXPECT_EQ(cpu(0), kCpu + 1);
  EXPECT_TRUE(up(0)) << "it has packets";
  EXPECT_NE(rest(0), kGiveWay);
  sleep_dry(0);
  EXPECT_FALSE(up(0));
  EXPECT_EQ(last->sent.size(), 1U);
}

TEST_F(DataLoopRebalance, OneThatWaitsForAFullCoreIsWokenOnTheOther) {
  settings.set(Setting::awake_max, 1);
  cores_of(2, 3);
  for (uint16_t i = 0; i < 3; ++i) ports[i]->put(1);
  turns();
  ASSERT_TRUE(up(0));
  ASSERT_FALSE(up(1));
  loop->set_usable(0, false);
  EXPECT_TRUE(up(1));   // the core is free
  EXPECT_FALSE(up(2));  // and has its own queue
  EXPECT_TRUE(states[2]->queued);
  EXPECT_EQ(states[2]->core, 1U);
  sleep_dry(1);
  EXPECT_TRUE(up(2));
  sleep_dry(2);
  sleep_dry(0);
  EXPECT_EQ(states[0]->core, 1U);
  EXPECT_EQ(last->sent.size(), 3U);
}

TEST_F(DataLoopRebalance, WithNoCoreLeftWorkersStayAndAreBoundAgainWhenOneReturns) {
  cores_of(2, 1);
  loop->set_usable(1, false);
  loop->set_usable(0, false);
  EXPECT_EQ(states[0]->core, 0U);
  ports[0]->put(1);
  turns();
  EXPECT_TRUE(up(0)) << "traffic goes on";
  sleep_dry(0);
  EXPECT_EQ(moves(), 0U);
  loop->set_usable(0, true);
  EXPECT_EQ(cpu(0), kCpu);
  EXPECT_EQ(cpu_orders(0), 1U);
  loop->set_usable(0, false);
  loop->set_usable(1, true);  // another than its own
  EXPECT_EQ(states[0]->core, 1U);
  EXPECT_EQ(cpu(0), kCpu + 1);
}

TEST_F(DataLoopRebalance, OneThatIsOnItsWayToACoreThatVanishesGoesElsewhereOrStays) {
  cores_of(3, 1);
  ports[0]->put(1);
  turns();
  ASSERT_TRUE(up(0));
  loop->set_usable(0, false);
  ASSERT_EQ(states[0]->moves_to, 1U);
  loop->set_usable(1, false);
  EXPECT_EQ(states[0]->moves_to, 2U);
  loop->set_usable(0, true);
  loop->set_usable(2, false);
  EXPECT_EQ(states[0]->moves_to, kNoCore);
  EXPECT_NE(rest(0), kGiveWay);
  EXPECT_EQ(moves(), 0U);
}

TEST_F(DataLoopRebalance, OneThatPollsStays) {
  cores_of(2, 1, [](HostState& host) { host.wait_mode = WaitMode::spin; });
  loop->set_usable(0, false);
  turns(3);
  EXPECT_EQ(states[0]->core, 0U);
  EXPECT_EQ(moves(), 0U);
}

TEST_F(DataLoopRebalance, AHostThatGoesOnItsWayIsForgotten) {
  cores_of(2, 2);
  ports[0]->put(1);
  turns();
  loop->set_usable(0, false);
  ASSERT_EQ(states[0]->moves_to, 1U);
  remove_host(*hosts[0], {0});
  EXPECT_EQ(loop->placing().cores[0].workers, 0U);
  EXPECT_EQ(loop->placing().cores[1].workers, 1U);
}

TEST_F(DataLoopRebalance, TheLoadOfCoresIsKnownToWhoeverStartsMore) {
  cores_of(2, 1);
  EXPECT_TRUE(turn_until([&] {
    busy_turn(1);
    return states[0]->demand > 0.5;
  }));
  const Placing placing = loop->placing();
  EXPECT_GT(placing.cores[0].load, 0.5);
  EXPECT_EQ(placing.cores[1].load, 0.0);
  EXPECT_GT(placing.demand, 0.5);
  EXPECT_EQ(core_for_new(placing.cores), 1U);
  sleep_dry(0);
  EXPECT_TRUE(turn_until([&] { return states[0]->demand == 0.0; })) << "demand ends with its packets";
}

// Cores come and go at random, workers with them, under every share policy: each host's packets leave in the order in
// which they came, and all of them.
TEST_F(DataLoopRebalance, NothingIsLostOrOvertakenHoweverOftenWorkersMove) {
  constexpr uint16_t kHosts = 6;
  constexpr uint32_t kCores = 4;
  settings.set(Setting::awake_max, 2);
  settings.set(Setting::turn_us, 20);
  cores_of(kCores, kHosts);
  std::mt19937_64 random(1);
  const auto below = [&](uint64_t bound) { return random() % bound; };
  std::array<uint32_t, kHosts> put{};
  std::array<bool, kCores> usable{true, true, true, true};
  for (uint32_t step = 0; step < 20'000; ++step) {
    if (step % 4'000 == 0) {
      settings.set(Setting::share_policy, step / 4'000 % 4);
      loop->refresh_orders();
    }
    const auto host = static_cast<uint16_t>(below(kHosts));
    if (put[host] - states[host]->settled < 32 && below(2) == 0) ports[host]->put(host, put[host]++);
    if (below(8) == 0) {
      const auto core = static_cast<uint32_t>(below(kCores));
      loop->set_usable(core, usable[core] = !usable[core]);
    }
    turns(1 + static_cast<uint32_t>(below(2)));
    const auto other = static_cast<uint32_t>(below(kHosts));
    if (!up(other)) continue;
    for (const Descriptor& d : hosts[other]->take(0, below(4))) hosts[other]->answer(d, next().with_hops(1));
    worker(other).report.busy_cycles += below(100'000);
    if (rest(other) == kGiveWay || below(8) == 0) sleep_with_more(other);
    ASSERT_TRUE(balanced());
  }
  EXPECT_GT(moves(), 1'000U);
  EXPECT_EQ(told.size(), moves());
  for (uint32_t core = 0; core < kCores; ++core) loop->set_usable(core, true);
  EXPECT_TRUE(turn_until([&] {
    for (uint32_t i = 0; i < kHosts; ++i)
      if (up(i)) sleep_dry(i);
    return held() == 0;
  }));
  std::array<uint32_t, kHosts> came{};
  for (const test::Sent& sent : last->sent) EXPECT_EQ(sent.tag, came[sent.flow]++) << "of host " << sent.flow;
  EXPECT_EQ(came, put);
  uint32_t workers = 0;
  for (const PlacedCore& core : loop->placing().cores) workers += core.workers;
  EXPECT_EQ(workers, kHosts);
}

}  // namespace
}  // namespace roost

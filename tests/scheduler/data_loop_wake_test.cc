// SPDX-License-Identifier: BSD-3-Clause
// Who is parked, who is woken, and when.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopWake : public test::LoopTest {
 protected:
  void one_nf() {
    build({});
    host = &add_host(0, 1);
    add_nf(0, 0, *host, 0);
  }
  void sleep(test::FakeHost& sleeper) {
    sleeper.announce();
    turns(2);
    ASSERT_EQ(sleeper.state_of_bell(), Doorbell::kParked);
  }
  static bool awake(test::FakeHost& one) { return one.state_of_bell() == Doorbell::kAwake; }
  uint64_t wakes() const { return loop->counters().kernel_wakes.get(); }
  uint64_t by_deadline() const { return loop->counters().wakes_by_deadline.get(); }

  test::FakeHost* host = nullptr;
};

TEST_F(DataLoopWake, OnlyAnAnnouncedWorkerIsParked) {
  one_nf();
  turns(5);
  EXPECT_TRUE(awake(*host));
  host->announce();
  turns(2);
  EXPECT_EQ(host->state_of_bell(), Doorbell::kParked);
  EXPECT_EQ(wakes(), 0U);
}

TEST_F(DataLoopWake, APacketWakesAParkedWorkerOnce) {
  one_nf();
  sleep(*host);
  put(1);
  turns();
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 1U);
  for (int i = 0; i < 5; ++i) put(1);
  turns(2);
  EXPECT_EQ(wakes(), 1U);  // it is up
}

TEST_F(DataLoopWake, WhatCameBetweenAnnouncementAndParkingWakesAtOnce) {
  one_nf();
  put(1);
  host->announce();  // it did not see the packet
  turns(2);
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 1U);
}

TEST_F(DataLoopWake, AWorkerThatIsWantedIsWokenWhereverItIsOnItsWayToSleep) {
  one_nf();
  sleep(*host);
  loop->want_up(host->id);
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 1U);
  loop->want_up(host->id);  // it is up, and may have looked already
  host->announce();
  turns(2);
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 2U);
  host->announce();
  loop->want_up(host->id);  // announced, not parked yet
  turns(2);
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 3U);
  sleep(*host);  // and that was all
  turns(5);
  EXPECT_EQ(host->state_of_bell(), Doorbell::kParked);
  loop->want_up(host->id + 1);  // has gone since
}

TEST_F(DataLoopWake, WhatAWorkerLeftInItsOutboxIsCollectedBeforeItIsParked) {
  one_nf();
  for (int i = 0; i < 200; ++i) put(1);
  std::vector<Descriptor> all;
  for (int i = 0; i < 7; ++i) {
    turns();
    for (const Descriptor& d : host->take(0)) all.push_back(d);
  }
  ASSERT_EQ(all.size(), 200U);
  for (const Descriptor& d : all) host->answer(d, next().with_hops(1));
  host->announce();
  turns(5);
  EXPECT_EQ(host->state_of_bell(), Doorbell::kParked);
  EXPECT_EQ(last->sent.size(), 200U);
  EXPECT_EQ(wakes(), 0U);
}

TEST_F(DataLoopWake, AThresholdOfPackets) {
  settings.set(Setting::wake_packets, 4);
  settings.set(Setting::wake_deadline_us, 1'000'000);
  one_nf();
  sleep(*host);
  for (int i = 1; i <= 3; ++i) {
    put(1);
    turns(2);
    EXPECT_FALSE(awake(*host)) << i;
  }
  put(1);
  turns();
  EXPECT_TRUE(awake(*host));
  EXPECT_EQ(wakes(), 1U);
  EXPECT_EQ(by_deadline(), 0U);
}

TEST_F(DataLoopWake, TheDeadlineOfTheFirstPacket) {
  settings.set(Setting::wake_packets, 1'000);
  settings.set(Setting::wake_deadline_us, 5'000);
  one_nf();
  sleep(*host);
  const uint64_t from = tsc_now();
  put(1);
  turns();
  EXPECT_FALSE(awake(*host));
  put(1);  // does not put it off
  EXPECT_TRUE(turn_until([&] { return awake(*host); }));
  EXPECT_GE(tsc_now() - from, TscClock(small().tsc_hz).from_us(5'000));
  EXPECT_EQ(by_deadline(), 1U);
  EXPECT_EQ(host->take(0).size(), 2U);
  expect_nothing_held = false;
}

TEST_F(DataLoopWake, AWorkersOwnTimer) {
  one_nf();
  const uint64_t due = tsc_now() + TscClock(small().tsc_hz).from_us(3'000);
  host->region.worker().report.deadline_tsc = due;
  sleep(*host);
  EXPECT_TRUE(turn_until([&] { return awake(*host); }));
  EXPECT_GE(tsc_now(), due);
  EXPECT_EQ(by_deadline(), 1U);
  EXPECT_EQ(held(), 0U);
}

TEST_F(DataLoopWake, TheEarlierOfThePacketsAndTheWorkersDeadline) {
  settings.set(Setting::wake_packets, 1'000);
  settings.set(Setting::wake_deadline_us, 2'000);
  one_nf();
  host->region.worker().report.deadline_tsc = tsc_now() + 3'600 * small().tsc_hz;
  sleep(*host);
  put(1);
  EXPECT_TRUE(turn_until([&] { return awake(*host); })) << "the worker's own late timer hides the packet's deadline";
  host->take(0);
  settings.set(Setting::wake_deadline_us, 1'000'000);
  const uint64_t due = tsc_now() + TscClock(small().tsc_hz).from_us(3'000);
  host->region.worker().report.deadline_tsc = due;
  sleep(*host);
  put(1);
  EXPECT_TRUE(turn_until([&] { return awake(*host); }));
  EXPECT_GE(tsc_now(), due);
  EXPECT_LT(tsc_now(), due + small().tsc_hz / 2);
  expect_nothing_held = false;
}

TEST_F(DataLoopWake, TheNextWorkerOfAChainIsWokenAhead) {
  settings.set(Setting::wake_ahead, 1);
  build({.services = 2, .chains = {{0, 1}}});
  auto& a = add_host(0, 1);
  auto& b = add_host(1, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  sleep(b);
  put(1);
  turns();
  EXPECT_TRUE(awake(b));
  EXPECT_EQ(loop->counters().wakes_ahead.get(), 1U);
  sleep(b);
  settings.set(Setting::wake_ahead, 0);
  loop->refresh_orders();
  put(1);
  turns();
  EXPECT_FALSE(awake(b));
  EXPECT_EQ(loop->counters().wakes_ahead.get(), 1U);
}

TEST_F(DataLoopWake, PeersOfACoreAreCounted) {
  build({});
  for (uint32_t id = 0; id < 4; ++id) add_host(id, 1);
  const auto orders = [&](uint32_t id) -> WorkerOrders& { return hosts[id]->region.worker().orders; };
  for (uint32_t id = 0; id < 4; ++id) EXPECT_EQ(orders(id).awake_peers.load(), 1U);
  sleep(*hosts[0]);
  EXPECT_EQ(orders(1).awake_peers.load(), 1U);
  sleep(*hosts[1]);
  sleep(*hosts[2]);
  EXPECT_EQ(orders(3).awake_peers.load(), 0U);
}

TEST_F(DataLoopWake, OrdersFollowTheSettings) {
  settings.set(Setting::burst_packets, 17);
  one_nf();
  EXPECT_EQ(host->region.worker().orders.burst_packets.load(), 17U);
  settings.set(Setting::burst_packets, 9);
  settings.set(Setting::wake_packets, 5);
  loop->refresh_orders();
  EXPECT_EQ(host->region.worker().orders.burst_packets.load(), 9U);
  EXPECT_EQ(host->region.worker().orders.wake_packets.load(), 5U);
  auto& orders = host->region.worker().orders;
  EXPECT_EQ(orders.run_policy.load(), 1U);
  EXPECT_EQ(orders.weight.load(), 100U);
  settings.set(Setting::run_policy, 0);
  settings.set(Setting::quantum_us, 33);
  settings.set(Setting::weight, 1'000);
  settings.set(Setting::spin_adaptive, 0);
  loop->refresh_orders();
  EXPECT_EQ(orders.run_policy.load(), 0U);
  EXPECT_EQ(orders.quantum_us.load(), 33U);
  EXPECT_EQ(orders.weight.load(), 1'000U);
  EXPECT_EQ(orders.spin_adaptive.load(), 0U);
}

TEST_F(DataLoopWake, AHostsOwnSettingsCountBeforeTheManagers) {
  settings.set(Setting::wake_packets, 1'000);
  settings.set(Setting::wake_deadline_us, 1'000'000);
  one_nf();
  auto& orders = host->region.worker().orders;
  sleep(*host);
  put(1);
  turns();
  EXPECT_FALSE(awake(*host));
  loop->set_host(host->id, 250, {3, 2'000'000, 7, true});
  EXPECT_TRUE(awake(*host)) << "what waits is looked at by the new ones";
  host->take(0);
  EXPECT_EQ(orders.wake_packets.load(), 3U);
  EXPECT_EQ(orders.spin_us.load(), 7U);
  EXPECT_EQ(orders.own_bursts.load(), 1U);
  sleep(*host);
  put(1);
  put(1);
  turns();
  EXPECT_FALSE(awake(*host));
  put(1);
  turns();
  EXPECT_TRUE(awake(*host));
  settings.set(Setting::wake_packets, 9);
  loop->refresh_orders();
  EXPECT_EQ(orders.wake_packets.load(), 3U) << "not the manager's";
  loop->set_host(host->id, 250, {});
  EXPECT_EQ(orders.wake_packets.load(), 9U);
  EXPECT_EQ(orders.own_bursts.load(), 0U);
  loop->set_host(host->id + 1, 1, {});  // there is none
  expect_nothing_held = false;
}

// The loop's own sleep: with nothing to do it sleeps, and work from another thread wakes it.
TEST_F(DataLoopWake, TheLoopItselfSleepsAndIsWoken) {
  settings.set(Setting::idle_us, 0);
  settings.set(Setting::rewake_us, 0);
  one_nf();
  sleep(*host);
  std::thread runner([&] { loop->run(); });
  usleep(20'000);
  bool done = false;
  loop->call([&] {
    put(1);
    done = true;
  });
  EXPECT_TRUE(done);
  for (int i = 0; i < 5'000 && loop->counters().received.get() == 0; ++i) usleep(1'000);
  EXPECT_EQ(loop->counters().received.get(), 1U);
  loop->stop();
  runner.join();
  EXPECT_GT(loop->counters().sleeps.get(), 0U);
  EXPECT_TRUE(awake(*host));
}

// What a host does to the bell that all hosts share is of no use against the loop: it does not block, it does what it
// is posted, and it finds what another host has put into its outbox.
TEST_F(DataLoopWake, AHostThatEmptiesTheBellHoldsNobodyUp) {
  settings.set(Setting::idle_us, 0);
  settings.set(Setting::rewake_us, 0);
  one_nf();
  put(1);
  turns();
  const auto taken = host->take(0);
  ASSERT_EQ(taken.size(), 1U);
  const int bell = loop->hosts_eventfd();
  ASSERT_EQ(fcntl(bell, F_SETFL, fcntl(bell, F_GETFL) & ~O_NONBLOCK), 0);
  std::thread runner([&] { loop->run(); });
  std::atomic<bool> enough{false};
  std::thread hostile([&] {
    while (!enough) {
      uint64_t count = 1;
      iovec into{&count, sizeof count};
      if (write(bell, &count, sizeof count) < 0 || preadv2(bell, &into, 1, -1, RWF_NOWAIT) < 0) cpu_pause();
    }
  });
  for (int i = 0; i < 100; ++i) {
    bool done = false;
    loop->call([&] { done = true; });
    EXPECT_TRUE(done);
    usleep(100);
  }
  host->answer(taken[0], next().with_hops(1));  // and its ring is lost
  for (int i = 0; i < 5'000 && loop->counters().transmitted.get() == 0; ++i) usleep(1'000);
  EXPECT_EQ(loop->counters().transmitted.get(), 1U);
  enough = true;
  hostile.join();
  loop->stop();
  runner.join();
}

}  // namespace
}  // namespace roost

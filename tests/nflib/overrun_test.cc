// SPDX-License-Identifier: BSD-3-Clause
// NFs that don't come back from process(): the worker goes on without them, and has back what they had.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <map>

#include "nflib/runaway.h"
#include "scheduler/policy/run_order.h"
#include "tests/nflib/overrun_fixture.h"

namespace roost {
namespace {

using std::chrono::milliseconds;

TEST_F(Overrun, OthersGoOnAndTheBurstComesBack) {
  Fixture fixture(2, lets_go_);
  Lambda runaway([&](Burst& burst) {
    for (auto& packet : burst) packet.verdict = out(5);
    loop();
  });
  uint32_t seen = 0;
  Lambda other([&](Burst& burst) { seen += burst.size(); });
  fixture.add(0, runaway);
  fixture.add(1, other);
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  for (uint32_t handle = 10; handle < 60; ++handle) {
    fixture.deliver(1, handle, 0, true);
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->handle, handle);
    EXPECT_EQ(Verdict{back->word}, next().with_hops(1));
  }
  EXPECT_EQ(fixture.region().nf(0).state, kNfRunaway);
  EXPECT_EQ(fixture.worker().bring_back(0, kPatience), Worker::Return::runs);
  EXPECT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::suspended);
  lets_go_ = true;
  const auto late = fixture.collect();
  ASSERT_TRUE(late);
  EXPECT_EQ(late->handle, 1u);
  EXPECT_EQ(Verdict{late->word}, out(5).with_hops(1));
  ASSERT_TRUE(becomes(fixture, 0, kNfQuarantined));
  EXPECT_EQ(seen, 50u);
  EXPECT_EQ(fixture.region().nf(0).packets, 1u);
}

TEST_F(Overrun, WhatWaitsForAnNfBeforeTheRunawayGoesOn) {
  constexpr uint32_t kWaiting = 5;
  Fixture fixture(2, lets_go_);
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(RunPolicy::drr);
  fixture.region().worker().orders.quantum_us = 10;
  Lambda first([](Burst&) {});
  Lambda runaway([&](Burst&) { loop(); });
  fixture.add(0, first);
  fixture.add(1, runaway);
  fixture.set_path(0, {0, 1});
  for (uint32_t handle = 1; handle <= kWaiting; ++handle) fixture.stage(0, handle, 0, 0);
  fixture.publish();
  fixture.start_with_spares();
  wait_for_dispatch(fixture, 1);
  ASSERT_EQ(take_running(fixture, 1), Worker::Answer::taken);
  const uint32_t with_runaway = fixture.region().nf(0).packets;
  ASSERT_LT(with_runaway, kWaiting);
  for (uint32_t i = with_runaway; i < kWaiting; ++i) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back) << i;
    EXPECT_EQ(Verdict{back->word}, next().with_hops(1));  // seen by the first; for others of the second's service
  }
}

TEST_F(Overrun, TheInboxComesBackAtOnceAndUnseen) {
  Fixture fixture(1, lets_go_);
  Lambda runaway([&](Burst&) { loop(); });
  fixture.add(0, runaway);
  fixture.start_with_spares();
  fixture.deliver(0, 1, 0, true);
  wait_for_dispatch(fixture, 0);
  for (uint32_t handle = 2; handle < 10; ++handle) fixture.deliver(0, handle, 0, true);
  fixture.stage(0, 20, 0, Descriptor::kMoreSegments | Descriptor::kLastHop, 2048);
  fixture.deliver(0, 21, 0, true);
  ASSERT_EQ(take_running(fixture, 0), Worker::Answer::taken);
  fixture.deliver(0, 30, 0, true);  // the manager may not have heard yet
  for (const uint32_t handle : {2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 30}) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->handle, handle);
    EXPECT_EQ(Verdict{back->word}, unseen());
    EXPECT_EQ(back->flags, handle == 20 ? Descriptor::kMoreSegments : 0);
  }
  lets_go_ = true;
  EXPECT_EQ(fixture.collect()->handle, 1u);
  EXPECT_EQ(fixture.region().worker().orders.delivered, 11u);
}

TEST_F(Overrun, BroughtBackAnNfGetsPacketsAgain) {
  Fixture fixture(1, lets_go_);
  Lambda nf([&](Burst&) { loop(); });
  fixture.add(0, nf);
  fixture.start_with_spares();
  for (uint32_t round = 0; round < 20; ++round) {
    lets_go_ = false;
    overrun(fixture, 0, round);
    EXPECT_EQ(fixture.worker().bring_back(0, milliseconds(20)), Worker::Return::runs);
    lets_go_ = true;
    ASSERT_EQ(fixture.collect()->handle, round);
    ASSERT_TRUE(becomes(fixture, 0, kNfQuarantined));
    ASSERT_EQ(fixture.worker().bring_back(0, kPatience), Worker::Return::done);
    EXPECT_EQ(fixture.worker().bring_back(0, kPatience), Worker::Return::not_quarantined);
    fixture.deliver(0, 100 + round, 0, true);
    ASSERT_EQ(fixture.collect()->handle, 100 + round);
  }
  ASSERT_EQ(fixture.worker().remove_nfs(0, 1, kPatience), Worker::Removal::done);
}

TEST_F(Overrun, ADispatchThatHasEndedLosesNothing) {
  Fixture fixture(1, lets_go_);
  Lambda nf([](Burst&) {});
  fixture.add(0, nf);
  fixture.start_with_spares();
  fixture.deliver(0, 1, 0, true);
  ASSERT_EQ(fixture.collect()->handle, 1u);
  EXPECT_EQ(fixture.take_from(0), Worker::Answer::ended);
  fixture.deliver(0, 2, 0, true);
  EXPECT_EQ(Verdict{fixture.collect()->word}, next().with_hops(1));
}

TEST_F(Overrun, WhoYieldsDoesNotOverrun) {
  Fixture fixture(1, lets_go_);
  Lambda nf([&](Burst&) {
    while (!lets_go_) yield();
  });
  fixture.add(0, nf);
  fixture.start_with_spares();
  fixture.deliver(0, 1, 0, true);
  for (int i = 0; i < 100; ++i) {
    wait_for_dispatch(fixture, 0);
    const uint64_t seen = fixture.region().worker().report.dispatches;
    while (fixture.region().worker().report.dispatches == seen) std::this_thread::yield();
  }
  EXPECT_EQ(fixture.region().nf(0).state == kNfRunaway, false);
  lets_go_ = true;
  EXPECT_EQ(fixture.collect()->handle, 1u);
}

TEST_F(Overrun, SleepersOfTheOldThreadWakeOnTheNewOne) {
  Fixture fixture(5, lets_go_);
  std::array<pid_t, 4> before{}, behind{};
  std::vector<std::unique_ptr<Lambda>> sleepers;
  std::atomic<uint32_t> asleep{0};
  for (uint32_t i = 0; i < 4; ++i) {
    sleepers.push_back(std::make_unique<Lambda>([&, i](Burst&) {
      before[i] = gettid();
      ++asleep;
      while (!lets_go_) sleep_for(std::chrono::microseconds(2'000));
      behind[i] = gettid();
    }));
    fixture.add(i, *sleepers.back());
  }
  std::atomic<bool> second{false};
  Lambda runaway([&](Burst&) {
    while (!second) continue;
  });
  fixture.add(4, runaway);
  fixture.start_with_spares();
  for (uint32_t i = 0; i < 4; ++i) fixture.deliver(i, i, 0, true);
  while (asleep != 4) fixture.wake();
  overrun(fixture, 4, 4);
  lets_go_ = true;
  std::map<uint32_t, int> back;
  for (int i = 0; i < 4; ++i) {
    const auto one = fixture.collect();
    ASSERT_TRUE(one);
    ++back[one->handle];
  }
  EXPECT_EQ(back, (std::map<uint32_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  for (uint32_t i = 0; i < 4; ++i) EXPECT_NE(before[i], behind[i]);
  second = true;
  EXPECT_EQ(fixture.collect()->handle, 4u);
}

TEST_F(Overrun, InTheMiddleOfARunTheNfAtFaultLosesTheWorker) {
  Fixture fixture(3, lets_go_);
  Lambda first([](Burst&) {}), last([](Burst&) {});
  Lambda runaway([&](Burst&) { loop(); });
  fixture.add(0, first);
  fixture.add(1, runaway);
  fixture.add(2, last);
  fixture.set_path(0, {0, 1, 2});
  fixture.start_with_spares();
  fixture.deliver(0, 1);
  wait_for_dispatch(fixture, 1);
  ASSERT_EQ(take_running(fixture, 1), Worker::Answer::taken);
  fixture.deliver(0, 2);  // comes to the quarantined one; the manager finds another from there
  const auto turned = fixture.collect();
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->handle, 2u);
  EXPECT_EQ(Verdict{turned->word}, next().with_hops(1));
  lets_go_ = true;
  const auto late = fixture.collect();
  ASSERT_TRUE(late);
  EXPECT_EQ(late->handle, 1u);
  EXPECT_EQ(Verdict{late->word}, next().with_hops(2));
}

TEST_F(Overrun, SeveralAtOnce) {
  Fixture fixture(5, lets_go_);
  Lambda runaway([&](Burst&) { loop(); });
  Lambda other([](Burst&) {});
  for (uint32_t nf = 0; nf < 4; ++nf) fixture.add(nf, runaway);
  fixture.add(4, other);
  fixture.start_with_spares();
  for (uint32_t nf = 0; nf < 4; ++nf) overrun(fixture, nf, nf);
  fixture.deliver(4, 50, 0, true);
  EXPECT_EQ(fixture.collect(20'000)->handle, 50u);
  lets_go_ = true;
  std::map<uint32_t, int> back;
  for (int i = 0; i < 4; ++i) {
    const auto one = fixture.collect(20'000);
    ASSERT_TRUE(one);
    ++back[one->handle];
  }
  EXPECT_EQ(back, (std::map<uint32_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  for (uint32_t nf = 0; nf < 4; ++nf) EXPECT_TRUE(becomes(fixture, nf, kNfQuarantined));
}

TEST_F(Overrun, AWorkerThatStopsDoesNotWaitForARunaway) {
  Fixture fixture(2, lets_go_);
  Lambda runaway([&](Burst&) { loop(); });
  fixture.add(0, runaway);
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  EXPECT_FALSE(fixture.stop_within(milliseconds(50)));
  lets_go_ = true;
  EXPECT_TRUE(fixture.stop_within(kPatience));
}

TEST_F(Overrun, WhoDoesNotHearKeepsTheWorker) {
  Fixture fixture(1, lets_go_);
  Lambda deaf([&](Burst&) {
    sigset_t signal, before;
    sigemptyset(&signal);
    sigaddset(&signal, Runaway::signal_number());
    pthread_sigmask(SIG_BLOCK, &signal, &before);
    loop();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);  // and there the signal comes, of a request withdrawn since
  });
  fixture.add(0, deaf);
  fixture.start_with_spares();
  fixture.deliver(0, 1, 0, true);
  wait_for_dispatch(fixture, 0);
  while (fixture.take_from(0, milliseconds(20)) == Worker::Answer::ended) continue;  // it had not masked it yet
  EXPECT_EQ(fixture.region().nf(0).state, kNfReady);
  lets_go_ = true;
  EXPECT_EQ(fixture.collect()->handle, 1u);
  fixture.deliver(0, 2, 0, true);
  EXPECT_EQ(fixture.collect()->handle, 2u);
}

}  // namespace
}  // namespace roost

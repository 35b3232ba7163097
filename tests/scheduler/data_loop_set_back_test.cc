// SPDX-License-Identifier: BSD-3-Clause
// Workers that hold a shared core while others want it: which threads the kernel is told of, and of what.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopSetBack : public test::LoopTest {
 protected:
  static constexpr pid_t kProcess = 1'000, kThread = 2'000;

  // Two hosts on one shared core, an NF each, both up with a packet; the first is in the middle of a dispatch.
  void SetUp() override {
    settings.set(Setting::turn_us, 20);
    LoopOptions options = small();
    options.order_thread = [this](pid_t process, pid_t thread, ThreadOrder order) {
      if (thread / 10 * 10 != process + (kThread - kProcess)) return false;
      last[thread] = order == ThreadOrder::last;
      return true;
    };
    build({.services = 2, .chains = {{0}, {1}}, .ports = 3, .options = options});
    for (uint16_t i = 0; i < 2; ++i) {
      test::FakeHost& host = *hosts.emplace_back(std::make_unique<test::FakeHost>(i, 1, 6));
      report(i).thread = static_cast<uint32_t>(kThread + 10 * i);
      report(i).current_nf = UINT32_MAX;
      auto state = host.state();
      state->process = kProcess + 10 * i;
      loop->add_host(std::move(state));
      add_nf(i, i, host, 0);
      host.announce();
    }
    turns(2);
    for (uint16_t i = 0; i < 2; ++i) ports[i]->put(1);
    turns();
    report(0).current_nf = 0;
    ++report(0).dispatches;
  }
  WorkerReport& report(uint32_t host) { return hosts[host]->region.worker().report; }
  bool is_last(pid_t thread) const { return last.contains(thread) && last.at(thread); }
  void end_all() {
    for (uint32_t i = 0; i < 2; ++i) {
      report(i).current_nf = UINT32_MAX;
      ++report(i).dispatches;
      for (const Descriptor& d : hosts[i]->take(0)) hosts[i]->answer(d, next().with_hops(1));
      report(i).deadline_tsc = kNoDeadline;
      hosts[i]->announce();
    }
    turns(3);
    EXPECT_FALSE(is_last(kThread));
    EXPECT_FALSE(is_last(kThread + 10));
  }

  std::map<pid_t, bool> last;
};

TEST_F(DataLoopSetBack, ALongDispatchComesLastUntilItsEnd) {
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  EXPECT_FALSE(is_last(kThread + 10));
  EXPECT_EQ(loop->counters().set_backs.get(), 1U);
  ++report(0).dispatches;
  EXPECT_TRUE(turn_until([&] { return !is_last(kThread); }));
  end_all();
}

TEST_F(DataLoopSetBack, EndsWithItsSleep) {
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  end_all();
}

TEST_F(DataLoopSetBack, OneOfThemIsAlwaysLeftInFront) {
  report(1).current_nf = 0;
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  for (int i = 0; i < 1'000; ++i) {
    turns();
    EXPECT_FALSE(is_last(kThread) && is_last(kThread + 10));
  }
  end_all();
}

TEST_F(DataLoopSetBack, IsOfTheThreadThatItHadWhereItReportsAnothers) {
  report(0).thread = static_cast<uint32_t>(kThread + 10);  // the other host's
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  EXPECT_FALSE(is_last(kThread + 10));
  end_all();
}

TEST_F(DataLoopSetBack, FollowsTheWorkerToAnotherThread) {
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  last[kThread + 1] = true;  // as a manager before this one left it
  report(0).thread = kThread + 1;
  ++report(0).dispatches;
  EXPECT_TRUE(turn_until([&] { return !is_last(kThread) && !is_last(kThread + 1); }));
  EXPECT_TRUE(turn_until([&] { return is_last(kThread + 1); }));
  EXPECT_FALSE(is_last(kThread));
  end_all();
  EXPECT_FALSE(is_last(kThread + 1));
}

TEST_F(DataLoopSetBack, IsTakenBackWhereTheSettingChangesOrItsHostGoes) {
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  settings.set(Setting::set_back, 0);
  EXPECT_TRUE(turn_until([&] { return !is_last(kThread); }));
  const uint64_t so_far = loop->counters().set_backs.get();
  const uint64_t until = tsc_now() + small().tsc_hz / 100;
  while (tsc_now() < until) turns();
  EXPECT_EQ(loop->counters().set_backs.get(), so_far);
  settings.set(Setting::set_back, 1);
  EXPECT_TRUE(turn_until([&] { return is_last(kThread); }));
  remove_host(*hosts[0], {0});
  EXPECT_FALSE(is_last(kThread));
  expect_nothing_held = false;
}

}  // namespace
}  // namespace roost

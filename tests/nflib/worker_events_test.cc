// SPDX-License-Identifier: BSD-3-Clause
// Timers and messages as a worker's NFs get them: asleep without packets, in the middle of process(), and when removed.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

constexpr std::chrono::milliseconds kEventsPatience{10'000};

// Declared before the fixture: its worker may be calling them until it has ended.
class Listener final : public Nf {
 public:
  void process(Burst& burst) noexcept override {
    if (in_process) in_process(burst);
  }
  void on_timer(TimerId timer) noexcept override {
    if (in_timer) in_timer(timer);
    ++timers;
  }
  void on_message(std::string_view message) noexcept override {
    if (in_message) in_message(message);
    heard += std::string(message) + ' ';
    ++messages;
  }
  std::function<void(Burst&)> in_process;
  std::function<void(TimerId)> in_timer;
  std::function<void(std::string_view)> in_message;
  std::atomic<uint32_t> timers{0}, messages{0};
  std::string heard;  // read it once `messages` has counted them
};

// Plays the loop meanwhile: parks who announces, and wakes it at its deadline or because somebody wants it up.
template <typename Condition>
bool eventually(WorkerFixture& fixture, bool wakes_at_deadline, Condition&& condition) {
  const auto until = std::chrono::steady_clock::now() + kEventsPatience;
  WorkerRecord& record = fixture.region().worker();
  bool parked = false;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    parked |= record.bell.park();
    if (parked && (!wakes_at_deadline || record.report.deadline_tsc.load() <= tsc_now())) {
      parked = false;
      record.bell.release();
      record.bell.unblock(record.bell.mode());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  if (parked && record.bell.release()) record.bell.unblock(record.bell.mode());
  return true;
}

TEST(WorkerEvents, NoneMeansNoMemoryAndNoDeadline) {
  Listener nf;
  WorkerFixture fixture(1);
  fixture.add(0, nf);
  EXPECT_FALSE(fixture.worker().wants_up());
  fixture.start();
  EXPECT_TRUE(eventually(fixture, false, [&] { return fixture.region().worker().report.sleeps.load() >= 2; }));
  EXPECT_EQ(fixture.region().worker().report.deadline_tsc.load(), UINT64_MAX);
  EXPECT_FALSE(fixture.worker().wants_up());
}

TEST(WorkerEvents, ATimerFiresInAnNfWithoutPacketsByItsDeadlineAlone) {
  Listener nf, other;
  WorkerFixture fixture(2);
  fixture.add(0, nf);
  fixture.add(1, other);
  fixture.worker().events().every(0, 5, tsc_now());
  EXPECT_TRUE(fixture.worker().wants_up());
  fixture.start();
  EXPECT_TRUE(eventually(fixture, true, [&] { return nf.timers >= 5; }));
  EXPECT_EQ(other.timers, 0u);
  fixture.stop();
  EXPECT_GE(fixture.region().worker().report.sleeps.load(), 2u);
  EXPECT_GE(fixture.region().worker().report.dispatches.load(), 5u);
  EXPECT_GT(fixture.region().nf(0).cycles.load(), 0u);
}

TEST(WorkerEvents, PacketsMadeInATimerLeave) {
  Listener nf;
  WorkerFixture fixture(1);
  nf.in_timer = [&](TimerId) {
    if (rte_mbuf* made = rte_pktmbuf_alloc(fixture.worker().pool())) {
      rte_pktmbuf_append(made, 60);
      fixture.worker().send(made, out(2));
    }
  };
  fixture.add(0, nf);
  fixture.grant(33);
  fixture.worker().events().after(0, 1, tsc_now());
  fixture.start();
  const auto made = fixture.collect();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->handle, 33u);
  EXPECT_EQ(made->data_bytes, 60u);
  EXPECT_EQ(Verdict{made->word}.kind(), Verdict::kOut);
}

TEST(WorkerEvents, AnNfThatWaitsGetsThemWhenItIsBack) {
  Listener nf;
  WorkerFixture fixture(1);
  std::atomic<bool> inside{false}, told{false};
  std::atomic<uint32_t> early{0};
  nf.in_process = [&](Burst&) {
    inside = true;
    while (!told) Worker::current()->sleep_for_us(1'000);
    Worker::current()->sleep_for_us(20'000);
    early += nf.timers + nf.messages;
    inside = false;
  };
  nf.in_timer = nullptr;
  fixture.add(0, nf);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  ASSERT_TRUE(eventually(fixture, false, [&] { return inside.load(); }));
  fixture.worker().events().after(0, 1, tsc_now());
  EXPECT_TRUE(fixture.worker().events().post(0, "hello"));
  told = true;
  EXPECT_TRUE(eventually(fixture, false, [&] { return nf.timers == 1 && nf.messages == 1; }));
  EXPECT_EQ(early, 0u);
  EXPECT_EQ(nf.heard, "hello ");
}

TEST(WorkerEvents, ATimerMayWaitToo) {
  Listener sleeper, other;
  WorkerFixture fixture(2);
  sleeper.in_timer = [](TimerId) {
    Worker::current()->yield();
    Worker::current()->sleep_for_us(5'000);
  };
  fixture.add(0, sleeper);
  fixture.add(1, other);
  fixture.worker().events().every(0, 1, tsc_now());
  fixture.worker().events().every(1, 1, tsc_now());
  fixture.start();
  EXPECT_TRUE(eventually(fixture, true, [&] { return sleeper.timers >= 3; }));
  fixture.stop();
  EXPECT_GT(other.timers, sleeper.timers);
}

TEST(WorkerEvents, AnNfWaitsForAMessageInTheMiddleOfItsWork) {
  Listener nf, other;
  WorkerFixture fixture(2);
  std::vector<std::optional<std::string>> got;
  std::atomic<bool> waits{false};
  nf.in_process = [&](Burst&) {
    got.push_back(wait_message(std::chrono::microseconds(0)));
    got.push_back(wait_message(std::chrono::microseconds(1)));
    waits = true;
    got.push_back(wait_message(std::chrono::hours(1)));
    got.push_back(wait_message(std::chrono::hours(1)));
  };
  fixture.add(0, nf);
  fixture.add(1, other);
  EXPECT_FALSE(wait_message(std::chrono::hours(1)));  // on a thread that is no worker
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  ASSERT_TRUE(eventually(fixture, true, [&] { return waits.load(); }));
  fixture.deliver(1, 2, 0, true);
  EXPECT_EQ(fixture.collect()->handle, 2u);  // others go on
  for (const char* text : {"one", "two", "three"}) EXPECT_TRUE(fixture.worker().events().post(0, text));
  fixture.wake();
  EXPECT_EQ(fixture.collect()->handle, 1u);
  EXPECT_TRUE(eventually(fixture, false, [&] { return nf.messages == 1; }));
  EXPECT_EQ(nf.heard, "three ");
  EXPECT_EQ(got, (std::vector<std::optional<std::string>>{std::nullopt, std::nullopt, "one", "two"}));
}

TEST(WorkerEvents, MessagesBetweenNfsAndFromAMessage) {
  Listener first, second;
  WorkerFixture fixture(2);
  first.in_message = [&](std::string_view) { EXPECT_TRUE(fixture.worker().events().post(1, "passed on")); };
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.start();
  EXPECT_TRUE(fixture.worker().events().post(0, "start"));
  EXPECT_TRUE(eventually(fixture, false, [&] { return second.messages == 1; }));
  EXPECT_EQ(first.heard, "start ");
  EXPECT_EQ(second.heard, "passed on ");
}

TEST(WorkerEvents, PacketsAreNotHeldUpByTimersThatNeverEnd) {
  Listener busy, other;
  WorkerFixture fixture(2);
  // Always one more that is due at once.
  busy.in_message = [&](std::string_view) { fixture.worker().events().post(0, "again"); };
  fixture.add(0, busy);
  fixture.add(1, other);
  EXPECT_TRUE(fixture.worker().events().post(0, "once"));
  fixture.start();
  for (uint32_t handle = 0; handle < 20; ++handle) {
    fixture.deliver(1, handle, 0, true);
    ASSERT_TRUE(fixture.collect());
  }
  EXPECT_TRUE(eventually(fixture, false, [&] { return busy.messages > 100; }));
}

TEST(WorkerEvents, ARemovedNfIsNotCalledAnyMore) {
  Listener going, staying;
  WorkerFixture fixture(2);
  fixture.add(0, going);
  fixture.add(1, staying);
  fixture.worker().events().every(0, 1, tsc_now());
  fixture.worker().events().every(1, 1, tsc_now());
  fixture.start();
  ASSERT_TRUE(eventually(fixture, true, [&] { return going.timers >= 2 && staying.timers >= 2; }));
  ASSERT_EQ(fixture.worker().remove_nfs(0, 1, kEventsPatience), Worker::Removal::done);
  const uint32_t then = going.timers, others = staying.timers;
  fixture.worker().events().post(0, "late");
  EXPECT_TRUE(eventually(fixture, true, [&] { return staying.timers >= others + 5; }));
  fixture.worker().forget_events(0);
  EXPECT_TRUE(eventually(fixture, true, [&] { return staying.timers >= others + 10; }));
  EXPECT_EQ(going.timers, then);
  EXPECT_EQ(going.messages, 0u);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// NFs that overrun in the middle of something: a system call, a lock, a call into the library.
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <map>
#include <mutex>

#include "tests/nflib/overrun_fixture.h"

namespace roost {
namespace {

using OverrunIn = Overrun;

TEST_F(OverrunIn, ASystemCallThatBlocks) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  Fixture fixture(2, lets_go_);
  ssize_t got = -2;
  Lambda runaway([&](Burst&) {
    char byte;
#if defined(__SANITIZE_THREAD__)  // it lets signals through in poll(), in read() it keeps them until that returns
    pollfd readable{pipe[0], POLLIN, 0};
    while (poll(&readable, 1, -1) < 0) continue;
#endif
    got = read(pipe[0], &byte, 1);
  });
  Lambda other([](Burst&) {});
  fixture.add(0, runaway);
  fixture.add(1, other);
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  fixture.deliver(1, 2, 0, true);
  EXPECT_EQ(fixture.collect()->handle, 2u);
  ASSERT_EQ(write(pipe[1], "x", 1), 1);
  EXPECT_EQ(fixture.collect()->handle, 1u);
  EXPECT_EQ(got, 1);
  close(pipe[0]);
  close(pipe[1]);
}

TEST_F(OverrunIn, ALockThatIsHeldIsReleased) {
  Fixture fixture(2, lets_go_);
  std::mutex mutex;
  std::atomic<bool> wanted{false};
  Lambda runaway([&](Burst&) {
    {
      const std::lock_guard lock(mutex);
      while (!wanted) continue;
    }
    loop();
  });
  Lambda other([&](Burst&) {
    wanted = true;
    const std::lock_guard lock(mutex);
  });
  fixture.add(0, runaway);
  fixture.add(1, other);
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  fixture.deliver(1, 2, 0, true);
  const auto back = fixture.collect(20'000);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->handle, 2u);
  lets_go_ = true;
  EXPECT_EQ(fixture.collect()->handle, 1u);
}

// What the NF calls then has no effect on the worker, which is another thread's.
TEST_F(OverrunIn, CallsOfTheRunawayAreThoseOfAForeignThread) {
  Fixture fixture(1, lets_go_);
  std::atomic<bool> taken{false};
  rte_mbuf* got = reinterpret_cast<rte_mbuf*>(1);
  std::atomic<bool> done{false};
  Lambda runaway([&](Burst&) {
    Worker& worker = *Worker::current();
    rte_mbuf* const early = rte_pktmbuf_alloc(worker.pool());
    rte_mbuf* const second = rte_pktmbuf_alloc(worker.pool());
    while (!taken) continue;
    got = rte_pktmbuf_alloc(worker.pool());
    worker.send(early, out(1));
    rte_pktmbuf_free(second);
    yield();
    sleep_for(std::chrono::microseconds(10));
    done = true;
    loop();
  });
  fixture.add(0, runaway);
  for (uint32_t handle = 100; handle < 103; ++handle) fixture.grant(handle);
  fixture.start_with_spares();
  overrun(fixture, 0, 1);
  taken = true;
  const auto a = fixture.collect(20'000), b = fixture.collect(20'000);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(std::min(a->handle, b->handle), 100u);
  EXPECT_EQ(std::max(a->handle, b->handle), 101u);
  EXPECT_EQ(Verdict{a->word}.kind(), Verdict::kDrop);
  EXPECT_EQ(Verdict{b->word}.kind(), Verdict::kDrop);
  while (!done) std::this_thread::yield();
  EXPECT_EQ(got, nullptr);
  EXPECT_EQ(fixture.region().worker().grants_consumed, 2u);
  lets_go_ = true;
  EXPECT_EQ(fixture.collect()->handle, 1u);
}

class Listener final : public Nf {
 public:
  explicit Listener(std::function<void()> body) : body_(std::move(body)) {}
  void process(Burst&) noexcept override {}
  void on_message(std::string_view) noexcept override { body_(); }

 private:
  std::function<void()> body_;
};

// Here by what the C library has in use; where that is a sanitizer's, by its search for leaks.
TEST_F(OverrunIn, AMessageGoesAlsoWhereItsFiberIsLeft) {
  constexpr uint32_t kRounds = 40;
  Fixture fixture(1, lets_go_);
  Listener runaway([&] { loop(); });
  fixture.add(0, runaway);
  fixture.start_with_spares();
  const std::string text(kMessageBytesMax, 'x');
  size_t before = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    if (round == kRounds / 2) before = mallinfo2().uordblks;
    lets_go_ = false;
    ASSERT_TRUE(fixture.worker().events().post(0, text));
    fixture.wake();
    wait_for_dispatch(fixture, 0);
    ASSERT_EQ(take_running(fixture, 0), Worker::Answer::taken);
    lets_go_ = true;
    ASSERT_TRUE(becomes(fixture, 0, kNfQuarantined));
    ASSERT_EQ(fixture.worker().bring_back(0, kPatience), Worker::Return::done);
  }
  EXPECT_LT(mallinfo2().uordblks, before + kRounds / 4 * text.size());
}

// Asked in the middle of a call into the library, a thread finishes that first: nothing is lost or seen twice.
TEST_F(OverrunIn, InTheMiddleOfTheLibrary) {
  Fixture fixture(2, lets_go_);
  Lambda runaway([&](Burst&) {
    Worker& worker = *Worker::current();
    while (!lets_go_)
      if (rte_mbuf* made = rte_pktmbuf_alloc(worker.pool())) worker.send(made, out(1));
  });
  Lambda other([](Burst&) {});
  fixture.add(0, runaway);
  fixture.add(1, other);
  fixture.start_with_spares();
  for (uint32_t round = 0; round < 30; ++round) {
    lets_go_ = false;
    fixture.deliver(0, 1, 0, true);
    wait_for_dispatch(fixture, 0);
    std::map<uint32_t, uint32_t> sent, back;
    for (uint32_t handle = 100; handle < 140; ++handle) {
      fixture.grant(handle);
      ++sent[handle];
    }
    ASSERT_EQ(take_running(fixture, 0), Worker::Answer::taken);
    const uint32_t made = fixture.region().worker().grants_consumed - round * 40;
    for (uint32_t i = 0; i < made; ++i) {
      const auto one = fixture.collect();
      ASSERT_TRUE(one);
      ++back[one->handle];
    }
    lets_go_ = true;
    EXPECT_EQ(fixture.collect()->handle, 1u);
    ASSERT_TRUE(becomes(fixture, 0, kNfQuarantined));
    ASSERT_EQ(fixture.worker().bring_back(0, kPatience), Worker::Return::done);
    // What the runaway was not given, the worker still has to give.
    if (made < 40) {
      lets_go_ = false;
      fixture.deliver(0, 2, 0, true);
      for (uint32_t i = made; i < 40; ++i) {
        const auto one = fixture.collect();
        ASSERT_TRUE(one);
        ++back[one->handle];
      }
      lets_go_ = true;
      EXPECT_EQ(fixture.collect()->handle, 2u);
    }
    EXPECT_EQ(back, sent) << round;
  }
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/doorbell.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <string>
#include <thread>

#include "core/shared_memory.h"

namespace roost {
namespace {

TEST(SleepUnless, AnnouncesRechecksBlocksRetracts) {
  std::string order;
  const auto run = [&](bool reason) {
    order.clear();
    return sleep_unless([&] { order += 'a'; }, [&] { return order += 'r', reason; }, [&] { order += 'b'; },
                        [&] { order += 't'; });
  };
  EXPECT_TRUE(run(false));
  EXPECT_EQ(order, "arbt");
  EXPECT_FALSE(run(true));
  EXPECT_EQ(order, "art");
}

class DoorbellTest : public testing::TestWithParam<WaitMode> {
 protected:
  DoorbellTest() { bell.init(GetParam()); }
  Doorbell bell{};
};

TEST_P(DoorbellTest, StatesFollowEachOther) {
  EXPECT_EQ(bell.mode(), GetParam());
  EXPECT_FALSE(bell.announced());
  EXPECT_FALSE(bell.park());  // it is up
  EXPECT_FALSE(bell.release());
  const bool blocked = bell.sleep([this] {
    EXPECT_TRUE(bell.announced());
    EXPECT_FALSE(bell.release());  // not parked
    return true;
  });
  EXPECT_FALSE(blocked);
  EXPECT_FALSE(bell.announced());
  EXPECT_FALSE(bell.park());
}

TEST_P(DoorbellTest, ParkedInTheMomentOfTheRecheckItWaitsForItsWaker) {
  std::thread loop;
  bell.sleep([&] {
    EXPECT_TRUE(bell.park());
    EXPECT_FALSE(bell.announced());
    loop = std::thread([this] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_TRUE(bell.release());
      bell.unblock(GetParam());
    });
    return true;  // a reason to stay up, but the loop has taken over
  });
  EXPECT_FALSE(bell.release());  // so it was released before sleep() came back
  loop.join();
}

TEST_P(DoorbellTest, ATokenThatNobodyNeededCostsNothing) {
  for (int i = 0; i < 10; ++i) bell.unblock(GetParam());
  std::atomic<bool> up{false};
  std::thread worker([&] {
    bell.sleep([] { return false; });
    up = true;
  });
  while (!bell.park()) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(up);  // old tokens don't wake it
  EXPECT_TRUE(bell.release());
  bell.unblock(GetParam());
  worker.join();
  EXPECT_TRUE(up);
}

// The whole protocol: one thread gives work and wakes only a parked worker, the other sleeps when it sees none. Each
// round waits for the one before, so that a single wake-up that is lost stops it all.
TEST_P(DoorbellTest, NoWakeUpIsLostInManyRounds) {
  constexpr uint64_t kRounds = 20'000;
  std::atomic<uint64_t> given{0}, done{0}, blocked{0};
  std::thread worker([&] {
    while (done.load(std::memory_order_relaxed) < kRounds) {
      if (given.load(std::memory_order_acquire) != done.load(std::memory_order_relaxed)) {
        done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
      } else if (GetParam() == WaitMode::spin) {
        std::this_thread::yield();  // a worker of this mode never sleeps
      } else if (bell.sleep([&] { return given.load(std::memory_order_seq_cst) != done.load(); })) {
        blocked.fetch_add(1, std::memory_order_relaxed);
      }
    }
  });
  // Lost is what stops it for good; on a busy machine it may well be slow.
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool parked = false;
  uint64_t round = 0, turns = 0;
  while (round < kRounds) {
    const uint64_t finished = done.load(std::memory_order_acquire);
    if (finished == round && (round % 3 != 0 || parked || GetParam() == WaitMode::spin || ++turns % 64 == 0)) {
      given.store(++round, std::memory_order_release);
      full_fence();
      if (round % 1'024 == 0) end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    }
    // As the loop does: an announced worker is parked, and then looked after.
    if (!parked && bell.announced()) parked = bell.park();
    if (parked && given.load(std::memory_order_relaxed) != done.load(std::memory_order_acquire)) {
      parked = false;
      ASSERT_TRUE(bell.release());
      bell.unblock(GetParam());
    }
    if (finished != round) std::this_thread::yield();
    if (std::chrono::steady_clock::now() > end) break;
  }
  while (done.load(std::memory_order_acquire) < kRounds && std::chrono::steady_clock::now() < end) {
    if (!parked && bell.announced()) parked = bell.park();
    if (parked && bell.release()) bell.unblock(GetParam());
    parked = false;
    std::this_thread::yield();
  }
  ASSERT_EQ(done.load(), kRounds) << "a wake-up was lost";
  worker.join();
  EXPECT_EQ(blocked.load() > 0, GetParam() != WaitMode::spin);
}

INSTANTIATE_TEST_SUITE_P(Modes, DoorbellTest, testing::Values(WaitMode::futex, WaitMode::semaphore, WaitMode::spin),
                         [](const auto& mode) {
                           return std::string(mode.param == WaitMode::futex       ? "futex"
                                              : mode.param == WaitMode::semaphore ? "semaphore"
                                                                                  : "spin");
                         });

// The other side is another process, at another address.
TEST(DoorbellBetweenProcesses, WakesInEachMode) {
  for (const WaitMode mode : {WaitMode::futex, WaitMode::semaphore}) {
    const auto memory = SharedMemory::create({.name = "bell", .bytes = 4096});
    auto& bell = *new (memory.data()) Doorbell{};
    bell.init(mode);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bell.sleep([] { return false; });
      _exit(7);
    }
    while (!bell.park()) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
    ASSERT_TRUE(bell.release());
    bell.unblock(mode);
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
  }
}

// The memory is the host's to write: what the manager does goes by the mode that it was told.
TEST(DoorbellBetweenProcesses, GarbageInTheMemoryDoesNotChooseTheMode) {
  Doorbell bell{};
  bell.init(WaitMode::semaphore);
  sem_t& semaphore = *reinterpret_cast<sem_t*>(reinterpret_cast<std::byte*>(&bell) + sizeof bell - sizeof(sem_t));
  bell.unblock(WaitMode::futex);
  int tokens = -1;
  ASSERT_EQ(sem_getvalue(&semaphore, &tokens), 0);
  EXPECT_EQ(tokens, 0);
  bell.unblock(WaitMode::semaphore);
  ASSERT_EQ(sem_getvalue(&semaphore, &tokens), 0);
  EXPECT_EQ(tokens, 1);
}

}  // namespace
}  // namespace roost

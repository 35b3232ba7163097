// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/wake_thread.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "core/error.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

int a_core() {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  int core = 0;
  while (!CPU_ISSET(core, &cores)) ++core;
  return core;
}

TEST(WakeThread, WakesWhoeverIsHandedOver) {
  test::start_eal();
  WakeThread wakes(a_core());
  Doorbell bell;
  bell.init(WaitMode::futex);
  constexpr int kTimes = 200;
  int told = 0;  // written before it is handed over, read after the wake-up
  std::thread sleeper([&] {
    for (int i = 1; i <= kTimes; ++i) {
      bell.sleep([] { return false; });
      ASSERT_EQ(told, i);
    }
  });
  for (int i = 1; i <= kTimes; ++i) {
    while (!bell.park()) std::this_thread::yield();
    told = i;
    ASSERT_TRUE(bell.release());
    while (!wakes.hand_over(bell, WaitMode::futex)) std::this_thread::yield();
  }
  sleeper.join();
  EXPECT_EQ(wakes.handed_over(), uint64_t{kTimes});
  while (!wakes.has_rung(kTimes)) std::this_thread::yield();
  EXPECT_FALSE(wakes.has_rung(kTimes + 1));
}

TEST(WakeThread, LoopsHaveQueuesOfTheirOwn) {
  test::start_eal();
  WakeThread wakes(a_core(), 2);
  Doorbell bell;
  bell.init(WaitMode::futex);
  std::thread sleeper([&] {
    for (int i = 0; i < 20; ++i) bell.sleep([] { return false; });
  });
  for (uint32_t i = 0; i < 20; ++i) {
    while (!bell.park()) std::this_thread::yield();
    ASSERT_TRUE(bell.release());
    while (!wakes.hand_over(bell, WaitMode::futex, i % 2)) std::this_thread::yield();
  }
  sleeper.join();
  for (const uint32_t loop : {0U, 1U}) {
    EXPECT_EQ(wakes.handed_over(loop), 10U);
    while (!wakes.has_rung(10, loop)) std::this_thread::yield();
    EXPECT_FALSE(wakes.has_rung(11, loop));
  }
}

TEST(WakeThread, ACoreThatIsNotThereIsAnError) {
  test::start_eal();
  EXPECT_THROW(WakeThread(CPU_SETSIZE - 1), Error);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/thread_order.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <thread>

namespace roost {
namespace {

TEST(ThreadOrder, IsOfTheThreadAloneAndKeepsItsNiceness) {
  const int policy = sched_getscheduler(0);
  std::thread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 7), 0);
    ASSERT_TRUE(order_thread(0, ThreadOrder::in_turns));
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())), 7);
    ASSERT_TRUE(order_thread(gettid(), ThreadOrder::last));
    EXPECT_EQ(sched_getscheduler(0), SCHED_IDLE);
  }).join();
  EXPECT_EQ(sched_getscheduler(0), policy);
}

TEST(ThreadOrder, IsTakenBackByWhoMay) {
  uint64_t inside = 0, outside = 0, users = 0;  // of this user namespace
  std::ifstream("/proc/self/uid_map") >> inside >> outside >> users;
  if (geteuid() != 0 || users != UINT32_MAX) GTEST_SKIP() << "it takes CAP_SYS_NICE, and not only in a namespace";
  std::thread([] {
    ASSERT_TRUE(order_thread(0, ThreadOrder::last));
    EXPECT_TRUE(order_thread(gettid(), ThreadOrder::in_turns));
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
}

TEST(ThreadOrder, OfNoThreadIsRefused) {
  EXPECT_FALSE(order_thread(1 << 30, ThreadOrder::last));
  EXPECT_FALSE(order_thread(1 << 30, ThreadOrder::in_turns));
}

}  // namespace
}  // namespace roost

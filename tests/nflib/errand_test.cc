// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/errand.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace roost {
namespace {

using namespace std::chrono_literals;

TEST(Errand, IsDoneByTheOtherThread) {
  Errand errand;
  std::atomic<bool> stops{false};
  std::thread worker([&] {
    while (!stops)
      if (errand.waits()) errand.run();
  });
  int sum = 0;  // no atomic: handed to and fro
  for (int i = 0; i < 1'000; ++i) {
    std::thread::id doer;
    ASSERT_TRUE(errand.have_done([&] { ++sum, doer = std::this_thread::get_id(); }, [] {}, 10s));
    ASSERT_EQ(doer, worker.get_id());
    ASSERT_EQ(sum, i + 1);
  }
  stops = true;
  worker.join();
  EXPECT_FALSE(errand.waits());
}

// One nudge may come just before the worker falls asleep.
TEST(Errand, NudgesUntilItIsDone) {
  Errand errand;
  std::atomic<int> nudges{0};
  std::thread worker([&] {
    while (nudges < 3) std::this_thread::yield();
    errand.run();
  });
  bool done = false;
  EXPECT_TRUE(errand.have_done([&] { done = true; }, [&] { ++nudges; }, 10s));
  EXPECT_TRUE(done);
  worker.join();
}

TEST(Errand, NotDoneInTimeIsNeverDone) {
  Errand errand;
  bool done = false;
  EXPECT_FALSE(errand.have_done([&] { done = true; }, [] {}, 10ms));
  EXPECT_FALSE(errand.waits());
  errand.run();
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace roost

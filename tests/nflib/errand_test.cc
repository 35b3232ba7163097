// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/errand.h"

#include <gtest/gtest.h>

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

TEST(Errand, NotDoneInTimeIsNeverDone) {
  Errand errand;
  bool done = false;
  int nudges = 0;
  EXPECT_FALSE(errand.have_done([&] { done = true; }, [&] { ++nudges; }, 10ms));
  EXPECT_GT(nudges, 1) << "one may come just before it falls asleep";
  EXPECT_FALSE(errand.waits());
  errand.run();
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace roost

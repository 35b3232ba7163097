// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/crash_window.h"

#include <gtest/gtest.h>

namespace roost::crash_window_test {
namespace {

constexpr CrashLimits kLimits{3, 1'000};

TEST(CrashCount, CountsThemAll) {
  CrashCount count;
  for (const uint64_t at : {0U, 5'000U}) count.crashed(at);
  EXPECT_FALSE(count.too_often(kLimits, 5'000));
  count.crashed(90'000);
  EXPECT_TRUE(count.too_often(kLimits, 90'000));
  EXPECT_FALSE(count.too_often({0, 1'000}, 90'000)) << "0: never";
  count.start_over();
  EXPECT_FALSE(count.too_often(kLimits, 90'000));
}

TEST(CrashWindow, CountsThoseWithinTheWindow) {
  CrashWindow window;
  for (const uint64_t at : {0U, 600U, 1'001U}) window.crashed(at);
  EXPECT_FALSE(window.too_often(kLimits, 1'001)) << "the first of the three was too long ago";
  window.crashed(1'600);
  EXPECT_TRUE(window.too_often(kLimits, 1'600));
  EXPECT_FALSE(window.too_often(kLimits, 1'601)) << "and goes on to count only as long as that";
  EXPECT_FALSE(window.too_often({0, 1'000}, 1'600)) << "0: never";
  EXPECT_TRUE(window.too_often({1, 1'000}, 1'600));
  window.start_over();
  EXPECT_FALSE(window.too_often({1, 1'000}, 1'600));
}

TEST(CrashWindow, RemembersAsManyAsCanBeAskedFor) {
  CrashWindow window;
  for (uint64_t i = 0; i < 3 * CrashWindow::kMost + 5; ++i) window.crashed(i * 100);
  const uint64_t last = (3 * CrashWindow::kMost + 4) * 100, span = (CrashWindow::kMost - 1) * 100;
  EXPECT_TRUE(window.too_often({CrashWindow::kMost, span}, last));
  EXPECT_FALSE(window.too_often({CrashWindow::kMost, span - 1}, last));
}

}  // namespace
}  // namespace roost::crash_window_test

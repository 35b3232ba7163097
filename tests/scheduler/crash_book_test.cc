// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/crash_book.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr CrashLimits kLimits{2, 1'000};
using Nfs = std::vector<uint32_t>;

TEST(CrashBook, HoldsWhoCrashedTooOften) {
  CrashBook book;
  for (const uint32_t nf : {4U, 7U, 7U, 12U, 12U}) book.crashed(nf, 10);
  EXPECT_EQ(book.times(7), 2U);
  EXPECT_EQ(book.times(5), 0U);
  EXPECT_EQ(book.hold(0, 10, kLimits, 20), Nfs{7});
  EXPECT_EQ(book.hold(0, 13, kLimits, 20), (Nfs{7, 12}));
  EXPECT_EQ(book.hold(0, 13, {0, 1'000}, 20), (Nfs{7, 12})) << "until somebody brings them back";
}

TEST(CrashBook, WhoIsHeldStaysSoUntilBroughtBackAndThenBeginsAnew) {
  CrashBook book;
  for (int i = 0; i < 2; ++i) book.crashed(3, 10);
  EXPECT_EQ(book.hold(3, 1, kLimits, 20), Nfs{3});
  EXPECT_EQ(book.hold(3, 1, kLimits, 90'000), Nfs{3}) << "however long ago it was";
  book.released(3);
  book.released(99);
  EXPECT_EQ(book.hold(3, 1, kLimits, 90'000), Nfs{});
  book.crashed(3, 90'000);
  EXPECT_EQ(book.hold(3, 1, kLimits, 90'000), Nfs{});
  book.crashed(3, 90'000);
  EXPECT_EQ(book.hold(3, 1, kLimits, 90'000), Nfs{3});
  EXPECT_EQ(book.times(3), 4U);
}

TEST(CrashBook, ForgetsNfsThatAreGone) {
  CrashBook book;
  for (const uint32_t nf : {3U, 3U, 4U, 4U, 9U, 9U}) book.crashed(nf, 10);
  book.forget(4, 5);
  EXPECT_EQ(book.hold(0, 100, kLimits, 10), (Nfs{3, 9}));
  EXPECT_EQ(book.times(4), 0U);
}

}  // namespace
}  // namespace roost

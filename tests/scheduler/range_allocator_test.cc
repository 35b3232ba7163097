// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/range_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace roost {
namespace {

TEST(RangeAllocatorTest, UntilNothingFits) {
  RangeAllocator ranges(10);
  EXPECT_EQ(ranges.take(4), 0U);
  EXPECT_EQ(ranges.take(4), 4U);
  EXPECT_EQ(ranges.take(4), std::nullopt);
  EXPECT_EQ(ranges.take(2), 8U);
  EXPECT_EQ(ranges.take(1), std::nullopt);
  EXPECT_EQ(RangeAllocator(0).take(1), std::nullopt);
}

TEST(RangeAllocatorTest, TheSmallestThatFitsAndTheLowestOfEquals) {
  RangeAllocator ranges(100);
  ranges.take(100);
  for (const auto& [first, count] : {std::pair{10U, 5U}, {20U, 3U}, {30U, 3U}, {50U, 40U}})
    ranges.give_back(first, count);
  EXPECT_EQ(ranges.take(2), 20U);
  EXPECT_EQ(ranges.take(1), 22U);
  EXPECT_EQ(ranges.take(3), 30U);
  EXPECT_EQ(ranges.take(3), 10U);
  EXPECT_EQ(ranges.take(6), 50U);
}

TEST(RangeAllocatorTest, TheseVeryOnes) {
  RangeAllocator ranges(10);
  EXPECT_TRUE(ranges.take_at(3, 4));
  for (const auto& [first, count] :
       {std::pair{3U, 1U}, {2U, 2U}, {6U, 1U}, {0U, 4U}, {6U, 2U}, {9U, 2U}, {10U, 1U}, {1U, 0U}, {8U, UINT32_MAX}})
    EXPECT_FALSE(ranges.take_at(first, count)) << first << ", " << count;
  EXPECT_TRUE(ranges.take_at(0, 3));
  EXPECT_TRUE(ranges.take_at(9, 1));
  EXPECT_EQ(ranges.take(2), 7U);
  EXPECT_EQ(ranges.take(1), std::nullopt);
  ranges.give_back(3, 4);
  EXPECT_TRUE(ranges.take_at(4, 1));
  EXPECT_EQ(ranges.take(2), 5U);
  EXPECT_FALSE(RangeAllocator(0).take_at(0, 1));
}

TEST(RangeAllocatorTest, FreedNeighboursJoin) {
  for (const auto& order : {std::vector<uint32_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    RangeAllocator ranges(9);
    for (int i = 0; i < 3; ++i) ranges.take(3);
    for (const uint32_t third : order) ranges.give_back(third * 3, 3);
    EXPECT_EQ(ranges.take(9), 0U);
  }
}

TEST(RangeAllocatorTest, NothingIsGivenBackTwiceOver) {
  RangeAllocator ranges(9);
  ranges.take(9);
  ranges.give_back(3, 0);
  EXPECT_EQ(ranges.take(1), std::nullopt);
  ranges.give_back(3, 2);
  EXPECT_EQ(ranges.take(3), std::nullopt);
  EXPECT_EQ(ranges.take(2), 3U);
}

TEST(RangeAllocatorTest, FuzzAgainstASetOfNumbers) {
  RangeAllocator ranges(200);
  std::vector<bool> used(200);
  std::vector<std::pair<uint32_t, uint32_t>> out;
  std::mt19937 random(4);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const uint32_t count = 1 + random() % 20;
      const auto first = ranges.take(count);
      uint32_t fits = UINT32_MAX, least = UINT32_MAX;  // the first of the smallest holes that are large enough
      for (uint32_t at = 0, run = 0; at <= 200; ++at) {
        if (at < 200 && !used[at]) {
          ++run;
          continue;
        }
        if (run >= count && run < least) {
          fits = at - run;
          least = run;
        }
        run = 0;
      }
      ASSERT_EQ(first.value_or(UINT32_MAX), fits);
      if (!first) continue;
      std::fill_n(used.begin() + *first, count, true);
      out.emplace_back(*first, count);
    } else if (!out.empty()) {
      std::swap(out[random() % out.size()], out.back());
      ranges.give_back(out.back().first, out.back().second);
      std::fill_n(used.begin() + out.back().first, out.back().second, false);
      out.pop_back();
    }
  }
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/stolen_time.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(StolenTime, IsWhatTheThreadDidNotHaveOfTheDispatch) {
  StolenTime stolen;
  stolen.sample(1'000, 50);
  EXPECT_EQ(stolen.of_dispatch(900, 2'000, 1'050), 0U) << "it ran all the time";
  EXPECT_EQ(stolen.of_dispatch(9'000, 12'000, 5'050), 6'000U);
  EXPECT_EQ(stolen.of_dispatch(1'000, 20'000, 5'060), 1'000U) << "no more than the dispatch took";
  EXPECT_EQ(stolen.of_dispatch(1'000, 21'000, 7'000), 0U) << "the clocks differ a little";
}

TEST(StolenTime, NothingIsClaimedWithoutASample) {
  StolenTime stolen;
  EXPECT_TRUE(stolen.is_older(5, 1'000));
  EXPECT_EQ(stolen.of_dispatch(1'000, 5'000, 3), 0U);
  EXPECT_FALSE(stolen.is_older(5'500, 1'000));
  EXPECT_TRUE(stolen.is_older(6'500, 1'000));
  stolen.forget();
  EXPECT_TRUE(stolen.is_older(5'500, 1'000));
  EXPECT_EQ(stolen.of_dispatch(1'000, 9'000, 4), 0U);
  EXPECT_EQ(stolen.of_dispatch(1'000, 10'000, 504), 500U) << "it has one now";
}

}  // namespace
}  // namespace roost

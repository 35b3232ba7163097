// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/turn_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace roost {
namespace {

using testing::ElementsAre;

std::vector<uint32_t> take(TurnSet& turns, uint32_t room) {
  std::vector<uint32_t> nfs(room);
  nfs.resize(turns.take(nfs.data(), room));
  return nfs;
}

TEST(TurnSet, GoesRoundInTheOrderOfNumbers) {
  TurnSet turns(10'000);
  for (const uint32_t nf : {9'999U, 0U, 64U, 63U, 4'096U}) turns.add(nf);
  EXPECT_THAT(take(turns, 2), ElementsAre(0, 63));
  EXPECT_FALSE(turns.at_start());
  turns.add(0);      // behind: the next time round
  turns.add(5'000);  // ahead: this time
  EXPECT_THAT(take(turns, 10), ElementsAre(64, 4'096, 5'000, 9'999));
  EXPECT_TRUE(turns.at_start());
  EXPECT_FALSE(turns.empty());
  EXPECT_THAT(take(turns, 10), ElementsAre(0));
  EXPECT_TRUE(turns.empty());
}

TEST(TurnSet, AnEmptyOneBeginsAgain) {
  TurnSet turns(100);
  for (const uint32_t room : {1U, 2U}) {  // just enough, and more
    turns.add(99);
    EXPECT_THAT(take(turns, room), ElementsAre(99));
    EXPECT_TRUE(turns.at_start());
    turns.add(3);
    EXPECT_THAT(take(turns, 1), ElementsAre(3));
    EXPECT_TRUE(turns.at_start());
    EXPECT_THAT(take(turns, 1), ElementsAre());
  }
}

TEST(TurnSet, NobodyIsTakenTwiceOrForgotten) {
  std::mt19937 random(7);
  for (const uint32_t nfs : {1U, 64U, 65U, 20'000U}) {
    TurnSet turns(nfs);
    std::set<uint32_t> in;
    for (uint32_t step = 0; step < 2'000; ++step) {
      for (uint32_t i = random() % 20; i > 0; --i)
        if (const uint32_t nf = random() % nfs; in.insert(nf).second) turns.add(nf);
      for (const uint32_t nf : take(turns, random() % 30)) ASSERT_EQ(in.erase(nf), 1U) << nf << " of " << nfs;
      ASSERT_EQ(turns.empty(), in.empty());
    }
    for (uint32_t round = 0; round < nfs + 2 && !in.empty(); ++round)
      for (const uint32_t nf : take(turns, 64)) ASSERT_EQ(in.erase(nf), 1U);
    EXPECT_TRUE(in.empty());
  }
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/set_back.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr SetBack::Times kTimes{.held = 100, .first = 200, .most = 800, .turn = 50};

// A worker that is at one dispatch all the time, and runs, while others want the core and get none of it.
class SetBackTest : public testing::Test {
 protected:
  bool look(uint64_t after) {
    sight.now += after;
    ran += runs ? after : 0;
    return worker.look(sight, kTimes, [this] { return ran; });
  }
  void next_dispatch() {
    ++sight.dispatches;
    EXPECT_FALSE(look(1));
  }

  SetBack worker;
  SetBack::Sight sight{0, 1, true, false, true, 0};
  uint64_t ran = 0;
  bool runs = true;
};

TEST_F(SetBackTest, ComesWhenItHasHeldTheCoreForSoLongAndGoesAtTheEndOfTheDispatch) {
  next_dispatch();
  EXPECT_FALSE(look(99));
  EXPECT_TRUE(look(1));
  EXPECT_TRUE(look(199));
  next_dispatch();
  EXPECT_FALSE(look(99));
  EXPECT_TRUE(look(1));
  sight.at_one = false;  // there is nothing for it to do
  EXPECT_FALSE(look(1));
  EXPECT_FALSE(look(500));
}

TEST_F(SetBackTest, DoesNotComeWhereNobodyElseWantsTheCore) {
  sight.others_want = false;
  next_dispatch();
  EXPECT_FALSE(look(1'000));
  sight.others_want = true;
  EXPECT_TRUE(look(1));  // it has held it
}

TEST_F(SetBackTest, ComesToOneThatIsToldToLeaveWhateverItReports) {
  next_dispatch();
  sight.told = true;
  ++sight.dispatches;
  EXPECT_FALSE(look(99));
  ++sight.dispatches;
  EXPECT_TRUE(look(1));
  ++sight.dispatches;
  EXPECT_TRUE(look(1));
  sight.told = false;
  EXPECT_TRUE(look(1));  // still in the middle of it, as far as it says
  next_dispatch();
}

TEST_F(SetBackTest, LastsTwiceAsLongEachTimeUpToItsMost) {
  next_dispatch();
  for (const uint64_t patience : {200U, 400U, 800U, 800U, 800U}) {
    EXPECT_TRUE(look(100));
    EXPECT_TRUE(look(patience - 1));
    EXPECT_FALSE(look(1));
  }
  next_dispatch();
  EXPECT_TRUE(look(100));
  EXPECT_FALSE(look(200));
}

TEST_F(SetBackTest, EndsWhenOthersHaveHadATurn) {
  next_dispatch();
  EXPECT_TRUE(look(100));
  sight.core_cycles += 49;
  EXPECT_TRUE(look(1));
  sight.core_cycles += 1;
  EXPECT_FALSE(look(1));
  EXPECT_TRUE(look(100));  // and then it is their turn again
}

// What kept it from getting on was somebody else's process.
TEST_F(SetBackTest, ComesOnlyOnceToOneThatDoesNotRunMeanwhile) {
  runs = false;
  next_dispatch();
  EXPECT_TRUE(look(100));
  EXPECT_FALSE(look(200));
  EXPECT_FALSE(look(10'000));
  ran += kTimes.held / 2;  // as the kernel counts it, later
  EXPECT_TRUE(look(1));
  EXPECT_FALSE(look(400));
  EXPECT_FALSE(look(10'000));  // that was before
}

}  // namespace
}  // namespace roost

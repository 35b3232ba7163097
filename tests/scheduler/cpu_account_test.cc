// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/cpu_account.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

constexpr CpuAccount::Patience kPatience{.report = 100, .interval = 5'000, .allowance = 15, .lag = 10'000};

// A process that runs `share` percent of the time, as its worker may or may not own up to.
class CpuAccountTest : public ::testing::Test {
 protected:
  CpuAccountTest() {
    account.set_meter([this] {
      ++asked;
      return ran > behind ? ran - behind : 0;
    });
    account.open(now);
  }
  // Stretches of so many cycles, of which so many are reported; returns what is charged for all of them.
  uint64_t stretches(uint32_t count, uint64_t cycles, uint64_t reported, uint64_t elsewhere = 0) {
    uint64_t charged = 0;
    for (uint32_t i = 0; i < count; ++i) {
      now += cycles + elsewhere;
      ran += cycles;
      charged += account.charge(reported, now, kPatience);
    }
    return charged;
  }

  CpuAccount account;
  uint64_t now = 1'000'000, ran = 50'000, behind = 0;
  uint32_t asked = 0;
};

TEST_F(CpuAccountTest, HonestReportsAreChargedAsTheyAreAndTheKernelIsSeldomAsked) {
  EXPECT_EQ(stretches(10'000, 60, 50), 10'000U * 50);
  EXPECT_LT(asked, 130U);
}

TEST_F(CpuAccountTest, WhatIsNotOwnedUpToIsChargedAllTheSame) {
  // But for the allowance, once for each stretch.
  EXPECT_NEAR(static_cast<double>(stretches(10'000, 90, 0)), 10'000 * (90 - 15), 5'000);
  EXPECT_NEAR(static_cast<double>(stretches(1'000, 5'000, 101)), 1'000 * (5'000 - 15), 10'000);
}

TEST_F(CpuAccountTest, WhatOthersRanInTheMiddleOfADispatchIsNotCharged) {
  // Each dispatch takes 500 cycles on the clock, in which the process runs for 200.
  const uint64_t charged = stretches(10'000, 200, 500, 300);
  EXPECT_NEAR(static_cast<double>(charged), 10'000 * 200, kPatience.lag);
}

TEST_F(CpuAccountTest, AMeterThatIsBehindLosesNothing) {
  stretches(1, 500, 500);
  behind = 8'000;
  EXPECT_EQ(stretches(16, 500, 500), 8'000U);  // the meter shows nothing of it yet
  behind = 0;
  EXPECT_EQ(stretches(16, 500, 500), 8'000U);
  // Nor does it make room for a lie.
  EXPECT_NEAR(static_cast<double>(stretches(1'000, 500, 101)), 500'000 - 15'000, 11'000);
}

TEST_F(CpuAccountTest, WhatWasUsedBeforeIsFree) {
  ran += 1'000'000;
  now += 1'000'000;
  account.open(now);
  EXPECT_EQ(stretches(100, 120, 110), 100U * 110);
}

TEST(CpuAccount, WithoutAMeterReportsAreBelieved) {
  CpuAccount account;
  account.open(0);
  EXPECT_EQ(account.charge(7'000, 8'000, kPatience, true), 7'000U);
}

}  // namespace
}  // namespace roost

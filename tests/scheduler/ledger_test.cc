// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/ledger.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(LedgerTest, EveryRowStartsAsTheLoops) {
  const Ledger ledger(100);
  EXPECT_EQ(ledger.size(), 100U);
  EXPECT_EQ(ledger.held(), 0U);
  for (uint32_t handle = 0; handle < 100; ++handle) {
    EXPECT_EQ(ledger.row(handle).owner, Owner{});
    EXPECT_FALSE(ledger.owns(handle, Owner::host(0, 0)));
    EXPECT_FALSE(ledger.owns(handle, Owner::host(UINT32_MAX - 1, 0)));
  }
}

TEST(LedgerTest, OneOwnerOfOneGeneration) {
  Ledger ledger(4);
  ledger.give(2, Owner::host(0, 7), Part::head);
  EXPECT_TRUE(ledger.owns(2, Owner::host(0, 7)));
  EXPECT_FALSE(ledger.owns(2, Owner::host(0, 6)));
  EXPECT_FALSE(ledger.owns(2, Owner::host(0, 8)));
  EXPECT_FALSE(ledger.owns(2, Owner::host(1, 7)));
  EXPECT_FALSE(ledger.owns(1, Owner::host(0, 7)));
  ledger.take_back(2);
  EXPECT_FALSE(ledger.owns(2, Owner::host(0, 7)));
}

TEST(LedgerTest, PacketsAreHeldNotSegmentsOrGrants) {
  Ledger ledger(4);
  ledger.give(0, Owner::host(3, 1), Part::head);
  ledger.give(1, Owner::host(3, 1), Part::segment);
  ledger.give(2, Owner::host(3, 1), Part::granted);
  EXPECT_EQ(ledger.held(), 1U);
  EXPECT_TRUE(ledger.owns(1, Owner::host(3, 1)));
  EXPECT_TRUE(ledger.owns(2, Owner::host(3, 1)));
  ledger.take_back(1);
  ledger.take_back(2);
  EXPECT_EQ(ledger.held(), 1U);
  ledger.take_back(0);
  EXPECT_EQ(ledger.held(), 0U);
}

}  // namespace
}  // namespace roost

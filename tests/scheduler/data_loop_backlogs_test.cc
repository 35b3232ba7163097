// SPDX-License-Identifier: BSD-3-Clause
// Packets that find no room in the middle of their chain.
#include <gtest/gtest.h>

#include <vector>

#include "tests/scheduler/two_in_a_row.h"

namespace roost {
namespace {

using DataLoopBacklogs = test::TwoInARow;

TEST_F(DataLoopBacklogs, ABacklogInTheMiddleHoldsTheEntryBack) {
  two_in_a_row(2);
  past_the_first(10);
  EXPECT_EQ(loop->count_owned(1), 4U);
  EXPECT_EQ(held(), 10U);  // six of them in the loop
  EXPECT_TRUE(balanced());
  put(1, 100);
  put(2, 101);
  ports[1]->put(1, 200);  // a chain that doesn't come by
  turns();
  EXPECT_EQ(dropped(DropCause::backpressure), 2U);
  EXPECT_EQ(dropped(DropCause::inbox_full), 0U);
  EXPECT_EQ(held(), 11U);
  std::vector<uint32_t> taken;
  while (taken.size() < 10) {
    const auto some = host_b->take(0, 3);
    ASSERT_FALSE(some.empty());
    for (const Descriptor& d : some) {
      taken.push_back(d.handle);
      host_b->answer(d, next().with_hops(1));
    }
    turns();
    EXPECT_TRUE(balanced());
  }
  ASSERT_EQ(last->sent.size(), 10U);
  for (uint32_t tag = 0; tag < 10; ++tag) EXPECT_EQ(last->sent[tag].tag, tag);
  put(1, 11);  // room again
  turns();
  EXPECT_EQ(dropped(DropCause::backpressure), 2U);
  EXPECT_EQ(held(), 2U);
}

TEST_F(DataLoopBacklogs, WithoutBackpressureWhatFindsNoRoomInTheMiddleIsDroppedThere) {
  two_in_a_row();
  settings.set(Setting::backpressure, 0);
  loop->refresh_orders();
  past_the_first(10);
  EXPECT_EQ(loop->count_owned(1), 4U);
  EXPECT_EQ(dropped(DropCause::inbox_full), 6U);
  put(1, 10);
  turns();
  EXPECT_EQ(dropped(DropCause::backpressure), 0U);
  EXPECT_EQ(held(), 5U);
  EXPECT_TRUE(balanced());
  serve_all();
  EXPECT_EQ(last->sent.size(), 5U);
  EXPECT_EQ(held(), 0U);
}

TEST_F(DataLoopBacklogs, APacketBehindABacklogDoesNotOvertake) {
  two_in_a_row();
  for (uint32_t tag = 0; tag < 12; ++tag) put(1, tag);
  turns();
  const auto all = host_a->take(0);
  for (uint32_t i = 0; i < 6; ++i) host_a->answer(all[i], next().with_hops(1));
  turns();
  // Room, while two wait in the loop.
  for (const Descriptor& d : host_b->take(0)) host_b->answer(d, next().with_hops(1));
  for (uint32_t i = 6; i < 12; ++i) host_a->answer(all[i], next().with_hops(1));
  serve_all();
  ASSERT_EQ(last->sent.size(), 12U);
  for (uint32_t tag = 0; tag < 12; ++tag) EXPECT_EQ(last->sent[tag].tag, tag);
}

}  // namespace
}  // namespace roost

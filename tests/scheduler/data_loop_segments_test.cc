// SPDX-License-Identifier: BSD-3-Clause
// Packets of several segments, and packets that NFs make.
#include <gtest/gtest.h>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopSegments : public test::LoopTest {
 protected:
  DataLoopSegments() { settings.set(Setting::grant_packets, 8); }

  void one_nf(uint8_t slot_shift = 6) {
    build({});
    host = &add_host(0, 1, slot_shift);
    add_nf(0, 0, *host, 0);
  }
  // Fills a granted packet.
  static Descriptor filled(Descriptor d, uint32_t tag) {
    d.data_bytes = test::kFrameBytes;
    test::write_frame(packet_buffer(d.handle) + d.data_offset, 0, tag);
    return d;
  }

  test::FakeHost* host = nullptr;
};

TEST_F(DataLoopSegments, TravelTogether) {
  build({.services = 2, .chains = {{0, 1}}});
  auto& a = add_host(0, 1);
  auto& b = add_host(1, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  ports[0]->put(1, 5, 3);
  ports[0]->put(1, 6, 1);
  turns();
  auto all = a.take(0);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].flags & Descriptor::kMoreSegments, Descriptor::kMoreSegments);
  EXPECT_EQ(all[1].flags & Descriptor::kMoreSegments, Descriptor::kMoreSegments);
  EXPECT_EQ(all[2].flags & Descriptor::kMoreSegments, 0);
  EXPECT_EQ(all[3].flags & Descriptor::kMoreSegments, 0);
  EXPECT_EQ(held(), 2U);  // packets, not segments
  EXPECT_EQ(loop->count_owned(0), 4U);
  for (const Descriptor& d : all) a.answer(d, next().with_hops(1));
  turns();
  all = b.take(0);
  ASSERT_EQ(all.size(), 4U);
  all[2].data_bytes = 10;  // shorter at its end
  for (const Descriptor& d : all) b.answer(d, next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 2U);
  EXPECT_EQ(last->sent[0].segments, 3);
  EXPECT_EQ(last->sent[0].bytes, 2 * test::kFrameBytes + 10);
  EXPECT_EQ(last->sent[0].tag, 5U);
  EXPECT_EQ(last->sent[1].tag, 6U);
}

TEST_F(DataLoopSegments, ThatComeInTwoTurnsAreOnePacket) {
  one_nf();
  ports[0]->put(1, 5, 3);
  turns();
  const auto all = host->take(0);
  ASSERT_EQ(all.size(), 3U);
  host->answer(all[0], next().with_hops(1));
  host->answer(all[1], next().with_hops(1));
  turns(3);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(loop->count_owned(0), 3U);
  host->answer(all[2], next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].segments, 3);
}

TEST_F(DataLoopSegments, MoreThanAPacketCanHaveAreABreach) {
  one_nf(8);
  for (uint32_t tag = 0; tag <= kSegmentsMax; ++tag) put(1, tag);
  turns(5);
  auto all = host->take(0);
  ASSERT_EQ(all.size(), kSegmentsMax + 1);
  for (Descriptor& d : all) {
    d.flags |= &d == &all.back() ? uint8_t{0} : Descriptor::kMoreSegments;
    host->answer(d, next().with_hops(1));
  }
  std::optional<Breach> told;
  loop->on_breach([&](uint32_t, Breach what) { told = what; });
  turns();
  EXPECT_EQ(told, Breach::segments);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(held(), 0U);
  EXPECT_TRUE(balanced());
}

TEST_F(DataLoopSegments, MoreThanTheInboxHasRoomFor) {
  one_nf(2);
  ports[0]->put(1, 0, 5);
  ports[0]->put(1, 1, 3);
  ports[0]->put(1, 2, 2);
  ports[0]->put(1, 3, 1);
  turns();
  EXPECT_EQ(dropped(DropCause::too_long), 1U);
  EXPECT_EQ(dropped(DropCause::inbox_full), 1U);
  EXPECT_EQ(held(), 2U);
  serve_all();
  ASSERT_EQ(last->sent.size(), 2U);
  EXPECT_EQ(last->sent[0].tag, 1U);
  EXPECT_EQ(last->sent[1].tag, 3U);
}

TEST_F(DataLoopSegments, ThatAnNfCutsOffComeBackAsPacketsOfItsOwn) {
  one_nf();
  ports[0]->put(1, 5, 2);
  turns();
  auto all = host->take(0);
  ASSERT_EQ(all.size(), 2U);
  all[0].flags = 0;
  host->answer(all[0], next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].segments, 1);
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(loop->count_owned(0), 1U);
  host->answer(all[1], drop());
  turns();
  EXPECT_EQ(loop->counters().created.get(), 1U);
  EXPECT_EQ(dropped(DropCause::by_nf), 1U);
  EXPECT_EQ(loop->count_owned(0), 0U);
}

// A segment was never delivered along a path; what its row holds is of an earlier life.
TEST_F(DataLoopSegments, ThatAnNfCutsOffHaveNoChain) {
  build({.services = 3, .chains = {{0, 1, 2}}});
  auto& a = add_host(0, 1);
  auto& b = add_host(1, 2);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  add_nf(2, 2, b, 1);
  for (uint32_t tag = 0; tag < 32; ++tag) put(1, tag);
  serve_all();  // rows with paths in them
  EXPECT_EQ(last->sent.size(), 32U);
  for (int i = 0; i < 8; ++i) ports[0]->put(1, 100, 4);
  turns();
  for (Descriptor d : a.take(0)) {
    d.flags = 0;
    a.answer(d, next().with_hops(1));
  }
  turns();
  EXPECT_EQ(loop->counters().created.get(), 24U);
  EXPECT_EQ(dropped(DropCause::no_way), 24U);
  EXPECT_EQ(held(), 8U);
  serve_all();
  EXPECT_EQ(last->sent.size(), 40U);
}

TEST_F(DataLoopSegments, APacketChainedToAnotherIsMerged) {
  one_nf();
  put(1, 0);
  put(1, 1);
  turns();
  auto all = host->take(0);
  ASSERT_EQ(all.size(), 2U);
  all[0].flags = Descriptor::kMoreSegments;
  host->answer(all[0], next().with_hops(1));
  host->answer(all[1], next().with_hops(1));
  turns();
  EXPECT_EQ(dropped(DropCause::merged), 1U);
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].segments, 2);
  EXPECT_EQ(last->sent[0].bytes, 2 * test::kFrameBytes);
}

TEST_F(DataLoopSegments, GrantsComeAsWantedWithinTheQuota) {
  one_nf();
  turns();
  EXPECT_TRUE(host->take_granted().empty());
  host->region.worker().grants_wanted = 3;
  turns();
  EXPECT_EQ(host->take_granted().size(), 3U);
  turns(3);
  EXPECT_TRUE(host->take_granted().empty());
  host->region.worker().grants_wanted = UINT32_MAX;
  turns(3);
  EXPECT_EQ(host->take_granted().size(), 5U);  // the setting says 8
  EXPECT_EQ(loop->count_owned(0), 8U);
  EXPECT_EQ(held(), 0U);  // not in the books before they are filled
  EXPECT_TRUE(balanced());
}

TEST_F(DataLoopSegments, CreatedPackets) {
  build({.services = 2, .chains = {{0}}});
  host = &add_host(0, 2);
  add_nf(0, 0, *host, 0);
  add_nf(1, 1, *host, 1);
  host->region.worker().grants_wanted = 5;
  turns();
  const auto granted = host->take_granted();
  ASSERT_EQ(granted.size(), 5U);
  host->region.worker().grants_wanted = 0;
  host->answer(filled(granted[0], 40), out(1));
  host->answer(filled(granted[1], 41), to(1));
  host->answer(filled(granted[2], 42), next().with_hops(1));  // where to?
  host->answer(granted[3], drop());                           // not wanted
  turns();
  EXPECT_EQ(loop->counters().created.get(), 3U);
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].tag, 40U);
  EXPECT_EQ(dropped(DropCause::no_way), 1U);
  EXPECT_EQ(held(), 1U);
  EXPECT_TRUE(balanced());
  const auto all = host->take(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].handle, granted[1].handle);
  host->answer(all[0], out(1));
  turns();
  ASSERT_EQ(last->sent.size(), 2U);
  EXPECT_EQ(last->sent[1].tag, 41U);
  EXPECT_EQ(loop->count_owned(0), 1U);  // granted[4]
  EXPECT_EQ(pool->in_use(), 1U);
}

TEST_F(DataLoopSegments, ACreatedPacketHasNoChainToLeaveBy) {
  one_nf();
  host->region.worker().grants_wanted = 1;
  turns();
  const auto granted = host->take_granted();
  ASSERT_EQ(granted.size(), 1U);
  host->region.worker().grants_wanted = 0;
  host->answer(filled(granted[0], 40), to(0));
  turns();
  serve_all();
  EXPECT_EQ(dropped(DropCause::no_way), 1U);
  EXPECT_EQ(dropped(DropCause::bad_port), 0U);
}

TEST_F(DataLoopSegments, ACreatedPacketOfTwoSegments) {
  one_nf();
  host->region.worker().grants_wanted = 2;
  turns();
  auto granted = host->take_granted();
  ASSERT_EQ(granted.size(), 2U);
  host->region.worker().grants_wanted = 0;
  granted[0].flags = Descriptor::kMoreSegments;
  host->answer(filled(granted[0], 1), out(1));
  host->answer(filled(granted[1], 2), out(1));
  turns();
  EXPECT_EQ(loop->counters().created.get(), 1U);
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].segments, 2);
  EXPECT_EQ(pool->in_use(), 0U);
}

}  // namespace
}  // namespace roost

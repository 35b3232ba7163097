// SPDX-License-Identifier: BSD-3-Clause
// Nobody pins the pool: what a host has is counted wherever it is, and bounded by what is free. And: packets that were
// here for too long leave with a mark.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

constexpr uint32_t kPool = 2048;

class DataLoopShare : public test::LoopTest {
 protected:
  // Port 0's chain begins at the hog's host, port 1's at the other's.
  void hog_and_other(uint8_t slot_shift = 12) {
    build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
    hog = &add_host(0, 1, slot_shift);
    other = &add_host(1, 1, 6);
    add_nf(0, 0, *hog, 0);
    add_nf(1, 1, *other, 0);
  }
  void as_it_counts() {
    for (const auto& host : hosts) EXPECT_EQ(loop->owned(host->id), loop->count_owned(host->id)) << host->id;
  }
  // More than the pool holds, a burst at a time.
  void flood(uint16_t port, uint32_t bursts = 80) {
    for (uint32_t i = 0; i < bursts && pool->in_use() + 64 < kPool; ++i) {
      for (uint32_t k = 0; k < 64; ++k) ports[port]->put(1, i * 64 + k);
      turns();
    }
  }

  // As much at a time as the outbox takes.
  void finish(test::FakeHost& host) {
    for (auto all = host.take(0, 200); !all.empty(); all = host.take(0, 200)) {
      for (const Descriptor& d : all) host.answer(d, next().with_hops(1));
      turns(3);
    }
  }

  test::FakeHost *hog = nullptr, *other = nullptr;
};

TEST_F(DataLoopShare, AHostThatKeepsEverythingGetsItsShareAndNoMore) {
  hog_and_other();
  for (int i = 0; i < 80; ++i) {
    for (int k = 0; k < 64; ++k) put(1);
    turns();
    hog->take(0);  // and gives nothing back
  }
  EXPECT_NEAR(loop->owned(0), kPool / 2, 2 * 64);
  EXPECT_EQ(loop->counters().received.get(), 80U * 64);
  EXPECT_EQ(dropped(DropCause::buffer_share), 80U * 64 - loop->owned(0));
  EXPECT_EQ(loop->counters().dropped_at_entry[static_cast<size_t>(DropCause::buffer_share)].get(),
            dropped(DropCause::buffer_share));
  as_it_counts();
  // Another host's packets pass as if nothing were.
  for (uint32_t i = 0; i < 200; ++i) {
    for (uint32_t k = 0; k < 32; ++k) ports[1]->put(2, i * 32 + k);
    turns();
    other->serve(paths);
    turns();
  }
  EXPECT_EQ(last->sent.size(), 200U * 32);
  expect_nothing_held = false;
}

TEST_F(DataLoopShare, WhatWaitsInInboxAndOutboxCountsToo) {
  hog_and_other();
  flood(0);
  EXPECT_NEAR(loop->owned(0), kPool / 3, 2 * 64);  // its inbox leaves others of the host as much as it has
  as_it_counts();
  const auto all = hog->take(0, 100);
  for (const Descriptor& d : all) hog->answer(d, next().with_hops(1));
  as_it_counts();  // they are still its own
  const uint32_t before = loop->owned(0);
  turns(3);
  EXPECT_EQ(loop->owned(0), before - 100);
  as_it_counts();
  finish(*hog);
}

TEST_F(DataLoopShare, WithoutALimitTheHogTakesAll) {
  settings.set(Setting::buffer_alpha_percent, 0);
  hog_and_other();
  flood(0);
  EXPECT_GT(loop->owned(0), kPool - 128);
  EXPECT_EQ(dropped(DropCause::buffer_share), 0U);
  finish(*hog);
}

TEST_F(DataLoopShare, TheSettingTakesEffectWhileItRuns) {
  hog_and_other();
  flood(0);
  hog->take(0);
  settings.set(Setting::buffer_alpha_percent, 300);
  loop->refresh_orders();
  for (int i = 0; i < 20; ++i) {
    flood(0, 2);
    hog->take(0);
  }
  EXPECT_NEAR(loop->owned(0), kPool * 3 / 4, 2 * 64);
  expect_nothing_held = false;
}

TEST_F(DataLoopShare, SegmentsAndRefusedHandlesAreCounted) {
  hog_and_other();
  for (uint32_t tag = 0; tag < 5; ++tag) ports[0]->put(1, tag, 4);
  turns();
  EXPECT_EQ(loop->owned(0), 20U);
  as_it_counts();
  const auto all = hog->take(0);
  Descriptor forged = all[0];
  forged.flags = 0;
  for (const Descriptor& d : all) hog->answer(d, next().with_hops(1));
  hog->answer(forged, next().with_hops(1));  // it has given it back already
  turns(2);
  EXPECT_EQ(loop->counters().refused.get(), 1U);
  EXPECT_EQ(loop->owned(0), 0U);
  as_it_counts();
}

TEST_F(DataLoopShare, GrantsCount) {
  settings.set(Setting::grant_packets, 4'096);
  hog_and_other();
  std::vector<Descriptor> kept;
  for (int i = 0; i < 40; ++i) {
    flood(0, 1);
    for (const Descriptor& d : hog->take(0)) kept.push_back(d);
  }
  const uint32_t before = loop->owned(0);
  settings.set(Setting::buffer_alpha_percent, 50);
  loop->refresh_orders();
  hog->region.worker().grants_wanted = 16;
  turns(3);
  EXPECT_TRUE(hog->take_granted().empty()) << "it has its share";
  EXPECT_EQ(loop->owned(0), before);
  while (!kept.empty()) {
    for (int i = 0; i < 200 && !kept.empty(); ++i, kept.pop_back()) hog->answer(kept.back(), drop());
    turns(3);
  }
  hog->region.worker().grants_wanted = 16;
  turns(20);
  const auto granted = hog->take_granted();
  EXPECT_EQ(granted.size(), 16U);
  EXPECT_EQ(loop->owned(0), 16U);
  as_it_counts();
  hog->region.worker().grants_wanted = 0;
  for (const Descriptor& d : granted) hog->answer(d, drop());
  turns(2);
  EXPECT_EQ(loop->owned(0), 0U);
}

// In one host, NFs that do not take what is theirs leave room for one that does.
TEST_F(DataLoopShare, NfsOfOneHostLeaveEachOtherRoom) {
  build({.services = 9, .chains = {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}}, .ports = 10});
  auto& host = add_host(0, 9, 9);  // 512 slots each: four of them would be the pool
  for (uint32_t nf = 0; nf < 9; ++nf) add_nf(nf, static_cast<uint16_t>(nf), host, nf);
  for (uint32_t round = 0; round < 40; ++round)
    for (uint16_t port = 0; port < 8; ++port) {
      for (uint32_t k = 0; k < 16; ++k) ports[port]->put(1);
      turns();
    }
  EXPECT_GT(dropped(DropCause::buffer_share), 0U);
  for (uint32_t i = 0; i < 50; ++i) {
    for (uint32_t k = 0; k < 32; ++k) ports[8]->put(2);
    turns();
    for (const Descriptor& d : host.take(8)) host.answer(d, next().with_hops(1));
    turns();
  }
  EXPECT_EQ(last->sent.size(), 50U * 32);
  for (uint32_t nf = 0; nf < 8; ++nf) {
    for (const Descriptor& d : host.take(nf)) host.answer(d, drop());
    turns(5);
  }
}

// A hog in the middle: its packets wait with the manager, and what would follow them is refused at the entry.
TEST_F(DataLoopShare, InTheMiddleTheyWait) {
  build({.services = 2, .chains = {{0, 1}, {0}}, .ports = 3});
  auto& first = add_host(0, 1, 9);
  auto& second = add_host(1, 1, 12);
  add_nf(0, 0, first, 0);
  add_nf(1, 1, second, 0);
  for (uint32_t i = 0; i < 100; ++i) {
    for (uint32_t k = 0; k < 64; ++k) put(1);
    turns();
    first.serve(paths);
    turns();
    second.take(0);  // keeps all
  }
  as_it_counts();
  EXPECT_LE(loop->owned(1), kPool / 2 + 128);
  EXPECT_GT(dropped(DropCause::backpressure), 0U);
  for (size_t cause = 0; cause < kDropCauseNames.size(); ++cause)
    EXPECT_EQ(loop->counters().dropped[cause].get(), loop->counters().dropped_at_entry[cause].get())
        << kDropCauseNames[cause];
  for (uint32_t i = 0; i < 50; ++i) {  // the way around the hog is free
    for (uint32_t k = 0; k < 32; ++k) ports[1]->put(2);
    turns();
    first.serve(paths);
    turns();
  }
  EXPECT_EQ(last->sent.size(), 50U * 32);
  expect_nothing_held = false;
}

class DataLoopEcn : public test::LoopTest {
 protected:
  // One packet, kept for at least this long.
  uint8_t tos_after(uint32_t us, uint8_t tos) {
    ports[0]->ip_tos = tos;
    put(1);
    turns();
    const auto all = hosts[0]->take(0);
    EXPECT_EQ(all.size(), 1U);
    usleep(us);
    for (const Descriptor& d : all) hosts[0]->answer(d, next().with_hops(1));
    turns(2);
    EXPECT_FALSE(last->sent.empty());
    return last->sent.back().ip_tos;
  }
};

TEST_F(DataLoopEcn, MarksWhatWasHereForTooLong) {
  settings.set(Setting::ecn_sojourn_us, 2'000);
  build({});
  add_nf(0, 0, add_host(0, 1), 0);
  EXPECT_EQ(tos_after(2'000, 0x4a), 0x4b);
  EXPECT_EQ(tos_after(2'000, 0x48), 0x48);
  EXPECT_EQ(loop->counters().ecn_marked.get(), 1U);
  settings.set(Setting::ecn_sojourn_us, 0);
  loop->refresh_orders();
  EXPECT_EQ(tos_after(2'000, 0x4a), 0x4a);
  settings.set(Setting::ecn_sojourn_us, 10'000'000);
  loop->refresh_orders();
  EXPECT_EQ(tos_after(0, 0x4a), 0x4a);
  EXPECT_EQ(loop->counters().ecn_marked.get(), 1U);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Packets between domains: one copy at the border, none inside, and books that hold across it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

constexpr uint8_t kHome = 0, kRed = 1;

class DataLoopBorder : public test::LoopTest {
 protected:
  // Port 0 is at home, and so is service 1; service 0 is red, port 1 if it is said to be. Ports 0 and 1 have a chain
  // each, all leave by port 2.
  void build_red(std::vector<std::vector<uint16_t>> chains, uint8_t domain_of_port_1 = kHome, uint32_t packets = 1024,
                 uint8_t slot_shift = 6) {
    build({.services = 2,
           .chains = std::move(chains),
           .ports = 3,
           .domains = {{"red", packets}, {"blue", 1024}},
           .domain_of_port = {kHome, domain_of_port_1}});
    red = &add_host(0, 1, slot_shift, 1, kRed);
    home = &add_host(1, 1, 6, 1, kHome);
    add_nf(0, 0, *red, 0);
    add_nf(1, 1, *home, 0);
  }
  uint64_t crossed() const { return loop->counters().crossed.get(); }
  uint32_t in_use(uint8_t domain) const { return pool->domains()[domain].in_use(); }
  bool is_in(uint32_t handle, uint8_t domain) const {
    const auto& of = pool->domains()[domain];
    return handle >= of.first && handle - of.first < of.packets;
  }
  Descriptor only(std::vector<Descriptor> all) {
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Descriptor{} : all[0];
  }
  // Takes until nothing comes, and gives nothing back.
  size_t hoard(test::FakeHost& host, uint16_t port, int bursts) {
    size_t kept = 0;
    for (int i = 0; i < bursts; ++i) {
      for (int k = 0; k < 64; ++k) ports[port]->put(static_cast<uint32_t>(k));
      turns();
      kept += host.take(0).size();
    }
    return kept;
  }

  test::FakeHost *red = nullptr, *home = nullptr;
};

TEST_F(DataLoopBorder, DomainsHaveHandlesOfTheirOwn) {
  build_red({{0}});
  const auto& domains = pool->domains();
  ASSERT_EQ(domains.size(), 3U);
  for (size_t i = 0; i < domains.size(); ++i) {
    EXPECT_EQ(domains[i].first % kDomainHandles, 0U);
    EXPECT_EQ(pool->domain_of(domains[i].first), i);
    EXPECT_EQ(pool->domain_of(domains[i].first + domains[i].packets - 1), i);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(domains[i].memory.data()), packet_address(domains[i].first));
    if (i != 0) {  // no page is two domains'
      EXPECT_GE(packet_address(domains[i].first),
                reinterpret_cast<uintptr_t>(domains[i - 1].memory.data()) + domains[i - 1].memory.bytes());
    }
  }
  EXPECT_EQ(pool->handle_bound(), domains[2].first + 1024);
}

TEST_F(DataLoopBorder, InsideADomainNothingIsCopied) {
  build_red({{1}, {0}}, kRed);
  ports[1]->put(1);
  ports[0]->put(2);
  EXPECT_EQ(in_use(kRed), 1U);
  EXPECT_EQ(in_use(kHome), 1U);
  turns();
  EXPECT_TRUE(is_in(only(red->take(0)).handle, kRed));
  EXPECT_EQ(in_use(kRed), 1U);
  EXPECT_EQ(in_use(kHome), 1U);
  EXPECT_EQ(crossed(), 0U);
  remove_host(*red, {0});
  EXPECT_EQ(dropped(DropCause::host_died), 1U);
  EXPECT_EQ(in_use(kRed), 0U);
}

TEST_F(DataLoopBorder, APacketIsCopiedOnceAtEachBorder) {
  build_red({{0, 1}});
  put(7, 42);
  turns();
  EXPECT_EQ(crossed(), 1U);
  EXPECT_EQ(in_use(kHome), 0U);
  EXPECT_EQ(in_use(kRed), 1U);
  const Descriptor in_red = only(red->take(0));
  EXPECT_TRUE(is_in(in_red.handle, kRed));
  EXPECT_EQ(loop->count_owned(red->id), 1U);
  red->answer(in_red, next().with_hops(1));
  turns();
  EXPECT_EQ(crossed(), 2U);
  EXPECT_EQ(in_use(kRed), 0U);
  const Descriptor at_home = only(home->take(0));
  EXPECT_TRUE(is_in(at_home.handle, kHome));
  EXPECT_EQ(held(), 1U);
  EXPECT_TRUE(balanced());
  home->answer(at_home, next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].flow, 7U);
  EXPECT_EQ(last->sent[0].tag, 42U);
  EXPECT_EQ(last->sent[0].bytes, test::kFrameBytes);
  EXPECT_EQ(loop->counters().created.get(), 0U);
  EXPECT_EQ(loop->latency().count(), 1U);
}

// What lies around its bytes may be another packet's of the domain that it leaves.
TEST_F(DataLoopBorder, NothingButTheFrameCrosses) {
  build_red({{0, 1}});
  put(7, 42);
  turns();
  const Descriptor d = only(red->take(0));
  // All of its stride that is not the frame is red's secret; what comes into home's memory was zero before.
  const auto fill = [](uint32_t handle, int value, uint16_t offset, uint16_t bytes) {
    uint8_t* const buffer = packet_buffer(handle);
    std::memset(buffer - kMetadataBytes, value, kMetadataBytes + offset);
    std::memset(buffer + offset + bytes, value, kBufferBytes - offset - bytes);
  };
  const auto& domain = pool->domains()[kHome];
  for (uint32_t handle = domain.first; handle < domain.first + domain.packets; ++handle)
    std::memset(packet_buffer(handle) - kMetadataBytes, 0, kMetadataBytes + kBufferBytes);
  fill(d.handle, 0x5e, d.data_offset, d.data_bytes);
  red->answer(d, next().with_hops(1));
  turns();
  const Descriptor copy = only(home->take(0));
  EXPECT_EQ(copy.data_offset, d.data_offset);
  EXPECT_EQ(copy.data_bytes, d.data_bytes);
  const uint8_t* const stride = packet_buffer(copy.handle) - kMetadataBytes;
  EXPECT_EQ(std::count(stride, stride + kMetadataBytes + kBufferBytes, 0x5e), 0);
  home->answer(copy, next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].tag, 42U);
}

TEST_F(DataLoopBorder, SegmentsCrossTogether) {
  build_red({{0, 1}});
  ports[0]->put(7, 42, 3);
  turns();
  EXPECT_EQ(in_use(kHome), 0U);
  EXPECT_EQ(in_use(kRed), 3U);
  EXPECT_EQ(crossed(), 1U);
  auto all = red->take(0);
  ASSERT_EQ(all.size(), 3U);
  for (const Descriptor& d : all) EXPECT_TRUE(is_in(d.handle, kRed));
  for (const Descriptor& d : all) red->answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(in_use(kRed), 0U);
  serve_all();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].segments, 3);
  EXPECT_EQ(last->sent[0].bytes, 3 * test::kFrameBytes);
  EXPECT_EQ(last->sent[0].tag, 42U);
}

TEST_F(DataLoopBorder, AHandleOfAnotherDomainIsRefused) {
  build_red({{1}, {0}}, kRed);
  uint32_t told = UINT32_MAX;
  Breach what{};
  loop->on_breach([&](uint32_t host, Breach which) {
    told = host;
    what = which;
  });
  put(1);
  turns();
  const Descriptor at_home = only(home->take(0));
  const auto& domains = pool->domains();
  const uint32_t forged[] = {
      at_home.handle,          domains[kHome].first + 5, domains[kHome].packets,  // and between domains
      domains[kRed].first - 1, domains[2].first,         domains[2].first + 1023};
  for (const uint32_t handle : forged) {
    Descriptor d = at_home;
    d.handle = handle;
    red->answer(d, out(2));
  }
  turns();
  EXPECT_EQ(loop->counters().refused.get(), std::size(forged));
  EXPECT_EQ(told, red->id);
  EXPECT_EQ(what, Breach::handle);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(held(), 1U);
  home->answer(at_home, next().with_hops(1));
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
}

TEST_F(DataLoopBorder, GrantsComeFromTheHostsOwnDomain) {
  build_red({{0}});
  red->region.worker().grants_wanted = 3;
  turns();
  const auto granted = red->take_granted();
  ASSERT_EQ(granted.size(), 3U);
  for (const Descriptor& d : granted) EXPECT_TRUE(is_in(d.handle, kRed));
  red->region.worker().grants_wanted = 0;
  // Filled, and sent to a service at home.
  Descriptor made = granted[0];
  made.data_bytes = test::kFrameBytes;
  test::write_frame(packet_buffer(made.handle) + made.data_offset, 3, 9);
  red->answer(made, to(1));
  for (int i = 1; i < 3; ++i) red->answer(granted[static_cast<size_t>(i)], drop());
  turns();
  const Descriptor at_home = only(home->take(0));
  EXPECT_TRUE(is_in(at_home.handle, kHome));
  EXPECT_EQ(crossed(), 1U);
  EXPECT_EQ(in_use(kRed), 0U);
  home->answer(at_home, out(2));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].tag, 9U);
  EXPECT_EQ(loop->counters().created.get(), 1U);
}

// A domain's packets are all that its hosts can hold; whoever lives elsewhere has as many free ones as before.
TEST_F(DataLoopBorder, ADomainThatIsUsedUpHurtsNobodyElse) {
  settings.set(Setting::buffer_alpha_percent, 0);  // no share: nothing but the domain's end stops it
  build_red({{1}, {0}}, kHome, 1024, 12);
  EXPECT_EQ(hoard(*red, 1, 40), 1024U);
  EXPECT_EQ(dropped(DropCause::domain_full), 40U * 64 - 1024);
  EXPECT_EQ(loop->counters().dropped_at_entry[static_cast<size_t>(DropCause::domain_full)].get(),
            dropped(DropCause::domain_full));
  EXPECT_EQ(in_use(kRed), 1024U);
  EXPECT_EQ(in_use(kHome), 0U);
  EXPECT_TRUE(balanced());
  for (uint32_t i = 0; i < 50; ++i) {
    for (uint32_t k = 0; k < 32; ++k) put(2, i * 32 + k);
    turns();
    home->serve(paths);
    turns();
  }
  EXPECT_EQ(last->sent.size(), 50U * 32);
  expect_nothing_held = false;
}

TEST_F(DataLoopBorder, SharesAreOfTheHostsOwnDomain) {
  build_red({{1}, {0}}, kHome, 1024, 12);
  EXPECT_NEAR(static_cast<double>(hoard(*red, 1, 40)), 512, 2 * 64);  // half of its own domain
  EXPECT_EQ(dropped(DropCause::buffer_share), 40U * 64 - loop->owned(red->id));
  EXPECT_EQ(dropped(DropCause::domain_full), 0U);
  EXPECT_NEAR(static_cast<double>(hoard(*home, 0, 80)), 1024, 2 * 64);  // half of all of home's
  expect_nothing_held = false;
}

// Midway there is nowhere to wait: a packet that waited for the other domain would hold memory of its own.
TEST_F(DataLoopBorder, WhatFindsNoRoomMidwayIsDroppedAndCounted) {
  settings.set(Setting::buffer_alpha_percent, 0);
  build_red({{1, 0}, {0}}, kHome, 1024, 12);
  put(1);
  put(2);
  turns();
  const auto waiting = home->take(0);
  ASSERT_EQ(waiting.size(), 2U);
  const size_t kept = hoard(*red, 1, 20);
  EXPECT_EQ(kept, 1024U);
  for (const Descriptor& d : waiting) home->answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(dropped(DropCause::domain_full) -
                loop->counters().dropped_at_entry[static_cast<size_t>(DropCause::domain_full)].get(),
            2U);
  EXPECT_EQ(in_use(kHome), 0U);
  EXPECT_TRUE(balanced());
  remove_host(*red, {0});
  pass_epochs();  // the two are not waited for
}

// Where the inbox is full it waits, in the memory that it has, and crosses when there is room.
TEST_F(DataLoopBorder, WhatWaitsForAnInboxCrossesWhenItGoesOn) {
  build_red({{1, 0}}, kHome, 1024, 2);  // three at a time
  for (uint32_t i = 0; i < 8; ++i) put(1, i);
  turns();
  for (const Descriptor& d : home->take(0)) home->answer(d, next().with_hops(1));
  turns();
  const uint32_t placed = in_use(kRed);
  EXPECT_LT(placed, 8U);
  EXPECT_EQ(in_use(kHome), 8U - placed);
  EXPECT_EQ(crossed(), placed);
  EXPECT_TRUE(balanced());
  serve_all();
  EXPECT_EQ(crossed(), 8U);
  ASSERT_EQ(last->sent.size(), 8U);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(last->sent[i].tag, i);
}

TEST_F(DataLoopBorder, AHostsEndBringsItsDomainsPacketsBack) {
  build_red({{1}, {0}});
  for (uint32_t i = 0; i < 20; ++i) {
    put(1, i);
    ports[1]->put(2, i);
  }
  turns();
  EXPECT_EQ(in_use(kRed), 20U);
  remove_host(*red, {0});
  EXPECT_EQ(in_use(kRed), 0U);
  EXPECT_EQ(dropped(DropCause::host_died), 20U);
  EXPECT_EQ(in_use(kHome), 20U);
  serve_all();
  EXPECT_EQ(last->sent.size(), 20U);
}

}  // namespace
}  // namespace roost

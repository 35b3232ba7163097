// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/path_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace roost {
namespace {

using Hops = std::vector<PathTable::Hop>;

PathTable::Hop hop(uint32_t nf, uint32_t host, uint32_t local) {
  PathTable::Hop made{};
  made.nf = nf;
  made.host = host;
  made.local = local;
  made.born = 1;
  return made;
}

TEST(PathTableTest, EachSequenceIsStoredOnce) {
  PathTable table(16);
  const Hops hops = {hop(10, 1, 0), hop(11, 1, 1), hop(12, 2, 0), hop(13, 1, 2)};
  const uint32_t path = table.intern(3, hops);
  ASSERT_NE(path, kNoPath);
  EXPECT_EQ(table.intern(3, hops), path);
  EXPECT_EQ(table.paths(), 1U);
  EXPECT_NE(table.intern(4, hops), path);
  EXPECT_NE(table.intern(3, Hops{hops[0]}), path);
  EXPECT_EQ(table.paths(), 3U);
  EXPECT_EQ(table.chain(path), 3U);
  EXPECT_EQ(table.hops(path), 4U);
  const uint32_t nfs[] = {10, 11, 12, 13}, locals[] = {0, 1, 0, 2};
  const uint8_t runs[] = {2, 1, 1, 1};
  const PathTableView shared(table.memory().data());
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(table.nf(path, i), nfs[i]);
    EXPECT_EQ(table.run(path, i), runs[i]);
    EXPECT_EQ(shared.hop(path, i).nf(), locals[i]);
    EXPECT_EQ(shared.hop(path, i).run_ends(), runs[i] == 1);
  }
}

TEST(PathTableTest, TheLongestPath) {
  PathTable table(4);
  Hops hops;
  for (uint32_t i = 0; i < kHopsMax; ++i) hops.push_back(hop(i, 0, i));
  const uint32_t path = table.intern(0, hops);
  ASSERT_NE(path, kNoPath);
  for (uint32_t i = 0; i < kHopsMax; ++i) {
    EXPECT_EQ(table.nf(path, i), i);
    EXPECT_EQ(table.run(path, i), kHopsMax - i);
  }
  EXPECT_EQ(table.intern(0, Hops{hops[0]}), kNoPath);  // it took all four units
}

TEST(PathTableTest, APlaceIsUsedAgainAfterItsTime) {
  PathTable table(1);
  const uint32_t path = table.intern(0, Hops{hop(1, 0, 0)});
  table.intern(0, Hops{hop(1, 0, 0)});
  table.release(path);
  EXPECT_EQ(table.paths(), 1U);  // another flow's still
  const uint8_t sent = table.depart();
  table.release(path);
  EXPECT_EQ(table.paths(), 0U);
  for (int i = 0; i < 10; ++i) table.advance_epoch();
  EXPECT_EQ(table.intern(0, Hops{hop(2, 0, 1)}), kNoPath);  // a packet is out
  EXPECT_LT(table.epochs(), 4U);
  table.arrive(sent);
  for (int i = 0; i < 4; ++i) table.advance_epoch();
  EXPECT_NE(table.intern(0, Hops{hop(2, 0, 1)}), kNoPath);
}

TEST(PathTableTest, WhatIsAskedForAgainComesBack) {
  PathTable table(2);
  const Hops hops = {hop(1, 0, 0)};
  const uint32_t path = table.intern(0, hops);
  table.release(path);
  EXPECT_EQ(table.paths(), 0U);
  table.advance_epoch();
  EXPECT_EQ(table.intern(0, hops), path);
  EXPECT_EQ(table.paths(), 1U);
  for (int i = 0; i < 10; ++i) table.advance_epoch();
  EXPECT_EQ(table.intern(0, hops), path);  // in use, it outlived its limbo
  table.release(path);
  const uint8_t sent = table.depart();
  table.release(path);
  for (int i = 0; i < 10; ++i) table.advance_epoch();
  ASSERT_NE(table.intern(0, Hops{hop(2, 0, 1)}), path);
  EXPECT_EQ(table.intern(0, Hops{hop(3, 0, 2)}), kNoPath);
  table.arrive(sent);
  for (int i = 0; i < 4; ++i) table.advance_epoch();
  EXPECT_EQ(table.intern(0, Hops{hop(3, 0, 2)}), path);
}

TEST(PathTableTest, GivenUpAgainLaterItWaitsForTheLaterPackets) {
  PathTable table(1);
  const Hops hops = {hop(1, 0, 0)};
  table.release(table.intern(0, hops));
  table.advance_epoch();
  table.advance_epoch();
  const uint32_t path = table.intern(0, hops);
  const uint8_t sent = table.depart();
  table.release(path);
  for (int i = 0; i < 10; ++i) table.advance_epoch();
  EXPECT_EQ(table.intern(0, Hops{hop(2, 0, 1)}), kNoPath);
  table.arrive(sent);
  for (int i = 0; i < 4; ++i) table.advance_epoch();
  EXPECT_EQ(table.intern(0, Hops{hop(2, 0, 1)}), path);
}

// As packets do that NFs send to a service, one by one, while somebody keeps one.
TEST(PathTableTest, TheSamePathOverAndOverTakesOnePlace) {
  constexpr uint32_t kUnits = 64;
  PathTable table(kUnits);
  const uint8_t kept = table.depart();
  for (uint32_t i = 0; i < 10 * kUnits; ++i) {
    const uint32_t path = table.intern(0, Hops{hop(1, 0, 0)});
    ASSERT_NE(path, kNoPath) << i;
    table.arrive(table.depart());
    table.release(path);
    if (i % 3 == 0) table.advance_epoch();
  }
  for (uint32_t i = 2; i <= kUnits; ++i) EXPECT_NE(table.intern(0, Hops{hop(i, 0, i)}), kNoPath);
  table.arrive(kept);
}

TEST(PathTableTest, WholeOnlyWithAllItsNfs) {
  PathTable table(4);
  const uint32_t path = table.intern(0, Hops{hop(1, 0, 0), hop(2, 0, 1)});
  uint32_t asked = 0;
  const auto all = [&](auto&&...) { return ++asked, true; };
  EXPECT_TRUE(table.intact(path, 1, all));
  EXPECT_EQ(asked, 2U);
  EXPECT_TRUE(table.intact(path, 1, all));
  EXPECT_EQ(asked, 2U);  // asked again only after departures
  EXPECT_FALSE(table.intact(path, 2, [](uint32_t nf, auto&&...) { return nf != 2; }));
  EXPECT_FALSE(table.intact(path, 2, all));
}

// Against a map, with packets that stay out for a while: no path is given away while a packet is on it.
TEST(PathTableTest, FuzzAgainstAMap) {
  PathTable table(40);
  struct Flow {
    uint32_t path;
    std::vector<uint32_t> nfs;
  };
  struct Packet {
    uint32_t path, first_nf;
    uint8_t epoch;
  };
  std::vector<Flow> flows;
  std::vector<Packet> out;
  std::mt19937 random(9);
  uint32_t refused = 0, revived = 0;
  for (int step = 0; step < 100'000; ++step) {
    switch (random() % 5) {
      case 0: {
        // Few different ones half of the time, so that many are asked for again.
        const uint32_t kinds = random() % 2 == 0 ? 3 : 20;
        Flow flow{kNoPath, std::vector<uint32_t>(1 + random() % (2 * kinds), static_cast<uint32_t>(random() % kinds))};
        Hops hops;
        for (const uint32_t nf : flow.nfs) hops.push_back(hop(nf, 0, nf));
        flow.path = table.intern(1, hops);
        if (flow.path == kNoPath)
          ++refused;
        else
          flows.push_back(flow);
        if (flow.path != kNoPath)
          revived += std::none_of(flows.begin(), flows.end() - 1, [&](auto& f) { return f.path == flow.path; }) &&
                     std::any_of(out.begin(), out.end(), [&](auto& p) { return p.path == flow.path; });
        break;
      }
      case 1:
        if (flows.empty()) break;
        std::swap(flows[random() % flows.size()], flows.back());
        table.release(flows.back().path);
        flows.pop_back();
        break;
      case 2:
        if (flows.empty()) break;
        std::swap(flows[random() % flows.size()], flows.back());
        out.push_back({flows.back().path, flows.back().nfs[0], table.depart()});
        break;
      case 3:
        if (out.empty()) break;
        std::swap(out[random() % out.size()], out.back());
        ASSERT_EQ(PathTableView(table.memory().data()).hop(out.back().path, 0).nf(), out.back().first_nf);
        table.arrive(out.back().epoch);
        out.pop_back();
        break;
      default:
        table.advance_epoch();
    }
    for (const Flow& flow : flows) ASSERT_EQ(table.nf(flow.path, 0), flow.nfs[0]);
    for (const Flow& flow : flows) ASSERT_EQ(table.hops(flow.path), flow.nfs.size());
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(revived, 100U);
  EXPECT_GT(table.epochs(), 100U);
}

}  // namespace
}  // namespace roost

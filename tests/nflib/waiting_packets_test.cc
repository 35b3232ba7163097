// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/waiting_packets.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace roost {
namespace {

TEST(WaitingPackets, EachNfsComeOutInOrder) {
  constexpr uint32_t kNfs = 50, kPackets = 1'000;
  WaitingPackets waiting(kNfs, kPackets);
  std::vector<std::deque<uint32_t>> expected(kNfs);
  std::mt19937 random(3);
  uint32_t handle = 0, inside = 0;
  for (uint32_t step = 0; step < 100'000; ++step) {
    const uint32_t nf = random() % kNfs;
    PacketQueue& queue = waiting.of(nf);
    if (random() % 2 == 0 && inside < kPackets) {
      waiting.append(queue, {.handle = handle, .nf = nf});
      expected[nf].push_back(handle++);
      ++inside;
    } else if (!expected[nf].empty()) {
      ASSERT_EQ(waiting.pop(queue).handle, expected[nf].front());
      expected[nf].pop_front();
      --inside;
    }
    ASSERT_EQ(queue.segments, expected[nf].size());
    ASSERT_EQ(queue.packets, expected[nf].size());
  }
}

TEST(WaitingPackets, FurtherSegmentsAreNoPackets) {
  WaitingPackets waiting(1, 8);
  PacketQueue& queue = waiting.of(0);
  waiting.append(queue, {.handle = 1, .flags = Descriptor::kMoreSegments});
  waiting.append(queue, {.handle = 2});
  waiting.append(queue, {.handle = 3});
  EXPECT_EQ(queue.segments, 3U);
  EXPECT_EQ(queue.packets, 2U);
  std::vector<uint32_t> seen;
  waiting.look_ahead(queue, 2, [&](const Descriptor& d) { seen.push_back(d.handle); });
  waiting.look_ahead(queue, 9, [&](const Descriptor& d) { seen.push_back(d.handle); });
  EXPECT_EQ(seen, (std::vector<uint32_t>{1, 2, 1, 2, 3}));
  EXPECT_EQ(waiting.pop(queue).handle, 1U);
  EXPECT_EQ(waiting.pop(queue).handle, 2U);
  EXPECT_EQ(queue.packets, 1U);
}

TEST(WaitingPackets, CountsAllThatWaitsAndForgetsIt) {
  WaitingPackets waiting(3, 8);
  for (uint32_t round = 0; round < 3; ++round) {
    EXPECT_EQ(waiting.count(), 0U);
    for (uint32_t handle = 0; handle < 8; ++handle) waiting.append(waiting.of(handle % 3), {.handle = handle});
    for (const uint32_t nf : {0, 2, 0}) waiting.pop(waiting.of(nf));
    EXPECT_EQ(waiting.count(), 5U);
    waiting.append(waiting.of(1), {.handle = 9, .flags = Descriptor::kMoreSegments});
    EXPECT_EQ(waiting.count(), 6U);
    waiting.clear();
    for (uint32_t nf = 0; nf < 3; ++nf) EXPECT_EQ(waiting.of(nf).segments + waiting.of(nf).packets, 0U);
  }
}

}  // namespace
}  // namespace roost

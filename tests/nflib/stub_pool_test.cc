// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/stub_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <vector>

#include "core/packet_memory.h"
#include "core/shared_memory.h"
#include "nflib/arenas.h"

namespace roost {
namespace {

class FakeSource final : public PacketSource {
 public:
  std::deque<uint32_t> granted;
  std::vector<uint32_t> given_back;

  uint32_t take_granted() noexcept override {
    if (granted.empty()) return kNoHandle;
    const uint32_t handle = granted.front();
    granted.pop_front();
    return handle;
  }
  void give_back(uint32_t handle) noexcept override { given_back.push_back(handle); }
};

class StubPool : public testing::Test {
 protected:
  StubPool()
      : arena_(SharedMemory::create({.name = "arena", .bytes = size_t{kPackets} * kStrideBytes, .at = kArenaBase})),
        pool_(make_stub_pool(source_)) {
    map_page_before(arena_.data());
    // Whatever was there before must not matter.
    std::memset(arena_.data(), 0xa5, arena_.bytes());
    for (uint32_t handle = 0; handle < kPackets; ++handle) source_.granted.push_back(handle);
  }

  static constexpr uint32_t kPackets = 8;
  SharedMemory arena_;
  FakeSource source_;
  rte_mempool* pool_;
};

TEST_F(StubPool, AllocatesGrantedPacketsAndGivesThemBack) {
  rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
  ASSERT_EQ(packet, packet_view(0));
  const char* reason = nullptr;
  EXPECT_EQ(rte_mbuf_check(packet, 1, &reason), 0) << reason;
  EXPECT_EQ(packet->buf_addr, packet_buffer(0));
  EXPECT_EQ(rte_mbuf_to_priv(packet), packet_view(0) + 1);
  EXPECT_EQ(rte_pktmbuf_data_room_size(pool_), kBufferBytes);
  EXPECT_EQ(rte_pktmbuf_headroom(packet), kHeadroomBytes);
  EXPECT_EQ(rte_pktmbuf_tailroom(packet), kBufferBytes - kHeadroomBytes);
  rte_pktmbuf_free(packet);
  EXPECT_EQ(source_.given_back, std::vector<uint32_t>{0});
}

TEST_F(StubPool, DataGrowsAndShrinksAtBothEnds) {
  rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
  ASSERT_NE(packet, nullptr);
  char* payload = rte_pktmbuf_append(packet, 100);
  ASSERT_NE(payload, nullptr);
  std::memset(payload, 7, 100);
  char* header = rte_pktmbuf_prepend(packet, 14);
  EXPECT_EQ(header, payload - 14);
  EXPECT_EQ(rte_pktmbuf_adj(packet, 14), payload);
  EXPECT_EQ(rte_pktmbuf_trim(packet, 60), 0);
  EXPECT_EQ(rte_pktmbuf_pkt_len(packet), 40u);
  EXPECT_EQ(rte_pktmbuf_append(packet, kBufferBytes), nullptr);
  EXPECT_EQ(rte_pktmbuf_prepend(packet, kHeadroomBytes + 1), nullptr);
  rte_pktmbuf_free(packet);
}

TEST_F(StubPool, BulkIsAllOrNothing) {
  rte_mbuf* packets[kPackets];
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool_, packets, 5), 0);
  EXPECT_NE(rte_pktmbuf_alloc_bulk(pool_, packets + 5, 4), 0);
  EXPECT_EQ(source_.given_back, (std::vector<uint32_t>{7, 6, 5}));
  rte_pktmbuf_free_bulk(packets, 5);
  EXPECT_EQ(source_.given_back.size(), 8u);
}

TEST_F(StubPool, NothingGrantedGivesNull) {
  source_.granted.clear();
  EXPECT_EQ(rte_pktmbuf_alloc(pool_), nullptr);
  source_.granted.push_back(3);
  EXPECT_EQ(rte_pktmbuf_alloc(pool_), packet_view(3));
  EXPECT_EQ(rte_pktmbuf_alloc(pool_), nullptr);
}

class Clones : public StubPool, public testing::WithParamInterface<bool> {};

TEST_P(Clones, ShareTheDataAndAreFreedInEitherOrder) {
  rte_mbuf* original = rte_pktmbuf_alloc(pool_);
  ASSERT_NE(original, nullptr);
  std::memcpy(rte_pktmbuf_append(original, 5), "roost", 5);
  rte_mbuf* clone = rte_pktmbuf_clone(original, pool_);
  ASSERT_EQ(clone, packet_view(1));
  EXPECT_TRUE(RTE_MBUF_CLONED(clone));
  EXPECT_EQ(rte_pktmbuf_mtod(clone, void*), rte_pktmbuf_mtod(original, void*));
  EXPECT_EQ(rte_mbuf_refcnt_read(original), 2);

  const bool clone_first = GetParam();
  rte_pktmbuf_free(clone_first ? clone : original);
  EXPECT_EQ(source_.given_back, clone_first ? std::vector<uint32_t>{1} : std::vector<uint32_t>{});
  if (!clone_first) {
    EXPECT_EQ(std::memcmp(rte_pktmbuf_mtod(clone, void*), "roost", 5), 0);
  }
  rte_pktmbuf_free(clone_first ? original : clone);
  EXPECT_EQ(source_.given_back.size(), 2u);
}

// Handle 0 as the clone: nothing of ours lies before its view.
TEST_F(StubPool, TheFirstHandleCanBeAClone) {
  source_.granted = {1, 0};
  rte_mbuf* original = rte_pktmbuf_alloc(pool_);
  rte_mbuf* clone = rte_pktmbuf_clone(original, pool_);
  ASSERT_EQ(clone, packet_view(0));
  rte_pktmbuf_free(clone);
  rte_pktmbuf_free(original);
  EXPECT_EQ(source_.given_back, (std::vector<uint32_t>{0, 1}));
}

TEST_F(StubPool, CopiesAndChains) {
  rte_mbuf* first = rte_pktmbuf_alloc(pool_);
  rte_mbuf* second = rte_pktmbuf_alloc(pool_);
  std::memcpy(rte_pktmbuf_append(first, 5), "roost", 5);
  std::memcpy(rte_pktmbuf_append(second, 5), " here", 5);
  ASSERT_EQ(rte_pktmbuf_chain(first, second), 0);
  rte_mbuf* copy = rte_pktmbuf_copy(first, pool_, 0, UINT32_MAX);
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(std::memcmp(rte_pktmbuf_mtod(copy, void*), "roost here", 10), 0);
  rte_pktmbuf_free(first);
  rte_pktmbuf_free(copy);
  EXPECT_EQ(source_.given_back.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(, Clones, testing::Bool(),
                         [](const auto& order) { return order.param ? "CloneFirst" : "OriginalFirst"; });

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/eal_shim.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"

namespace roost::eal_shim_test {
namespace {

using roost::EalThread;

constexpr std::uint64_t kTscHz = 2'345'678'901;

class EalShim : public testing::Test {
 protected:
  void SetUp() override { roost::init_eal_shim(kTscHz); }
};

bool is_aligned(const void* address, std::size_t align) {
  return reinterpret_cast<std::uintptr_t>(address) % align == 0;
}

void* as_data(std::uint64_t value) { return reinterpret_cast<void*>(value); }

TEST_F(EalShim, TimeHasTheFrequencyThatWasSet) {
  EXPECT_EQ(rte_get_tsc_hz(), kTscHz);
  EXPECT_EQ(rte_get_timer_hz(), kTscHz);
  roost::init_eal_shim(kTscHz + 1);
  EXPECT_EQ(rte_get_tsc_hz(), kTscHz + 1);
  const std::uint64_t before = rte_rdtsc();
  rte_delay_us_block(100);
  EXPECT_GE(rte_rdtsc() - before, rte_get_tsc_hz() / 10'000);
  EXPECT_THROW(roost::init_eal_shim(0), roost::Error);
}

TEST_F(EalShim, LcoreIdsEndWithAnError) {
  std::vector<std::unique_ptr<EalThread>> threads;
  for (int i = 0; i < RTE_MAX_LCORE; ++i) threads.push_back(std::make_unique<EalThread>());
  EXPECT_THROW(EalThread(), roost::Error);
  threads.clear();
  EXPECT_NO_THROW(EalThread());
}

TEST_F(EalShim, RingKeepsOrderAndEndsWhenFull) {
  rte_ring* const ring = rte_ring_create("ring", 64, static_cast<int>(rte_socket_id()), RING_F_SP_ENQ | RING_F_SC_DEQ);
  ASSERT_NE(ring, nullptr) << rte_strerror(rte_errno);
  EXPECT_EQ(rte_ring_lookup("ring"), ring);
  EXPECT_EQ(rte_ring_create("ring", 64, SOCKET_ID_ANY, 0), nullptr);
  EXPECT_EQ(rte_errno, EEXIST);
  for (std::uint64_t i = 1; i <= 63; ++i) ASSERT_EQ(rte_ring_enqueue(ring, as_data(i)), 0);
  EXPECT_EQ(rte_ring_enqueue(ring, as_data(64)), -ENOBUFS);
  for (std::uint64_t i = 1; i <= 63; ++i) {
    void* item = nullptr;
    ASSERT_EQ(rte_ring_dequeue(ring, &item), 0);
    ASSERT_EQ(item, as_data(i));
  }
  rte_ring_free(ring);
  EXPECT_EQ(rte_ring_lookup("ring"), nullptr);
}

TEST_F(EalShim, MoreRingsThanEalHasMemzones) {
  std::vector<rte_ring*> rings;
  for (int i = 0; i < RTE_MAX_MEMZONE + 100; ++i) {
    rings.push_back(rte_ring_create(("many" + std::to_string(i)).c_str(), 8, SOCKET_ID_ANY, 0));
    ASSERT_NE(rings.back(), nullptr) << i;
  }
  for (rte_ring* ring : rings) rte_ring_free(ring);
}

TEST_F(EalShim, PacketPoolWhereADriverIsLinked) {
  bool driver = false;
  for (std::uint32_t i = 0; i < rte_mempool_ops_table.num_ops; ++i) {
    driver |= std::string(rte_mempool_ops_table.ops[i].name) == "ring_mp_mc";
  }
  if (!driver) GTEST_SKIP() << "librte_mempool_ring isn't linked";
  rte_mempool* const pool = rte_pktmbuf_pool_create("pool", 255, 32, 0, 2048, static_cast<int>(rte_socket_id()));
  ASSERT_NE(pool, nullptr) << rte_strerror(rte_errno);
  std::array<rte_mbuf*, 254> packets{};
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool, packets.data(), packets.size()), 0);
  std::memset(rte_pktmbuf_append(packets[0], 100), 0x5a, 100);
  rte_mbuf* const copy = rte_pktmbuf_copy(packets[0], pool, 0, UINT32_MAX);
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(std::memcmp(rte_pktmbuf_mtod(copy, char*), rte_pktmbuf_mtod(packets[0], char*), 100), 0);
  EXPECT_EQ(rte_pktmbuf_alloc(pool), nullptr);
  rte_pktmbuf_free(copy);
  for (rte_mbuf* packet : packets) rte_pktmbuf_free(packet);
  EXPECT_EQ(rte_mempool_avail_count(pool), 255u);
  rte_mempool_free(pool);
}

TEST_F(EalShim, AllocationIsAlignedAndZeroedWhereAsked) {
  for (const unsigned align : {0u, 1u, 64u, 256u, 4096u, 1u << 21}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{5000}, std::size_t{1} << 20}) {
      void* const dirty = rte_malloc("test", size, align);
      ASSERT_NE(dirty, nullptr);
      EXPECT_TRUE(is_aligned(dirty, std::max<std::size_t>(align, RTE_CACHE_LINE_SIZE)));
      std::memset(dirty, 0xff, size);
      std::size_t known = 0;
      EXPECT_EQ(rte_malloc_validate(dirty, &known), 0);
      EXPECT_EQ(known, size);
      rte_free(dirty);
      auto* const clean = static_cast<std::uint8_t*>(rte_zmalloc_socket("test", size, align, 0));
      ASSERT_NE(clean, nullptr);
      EXPECT_TRUE(is_aligned(clean, std::max<std::size_t>(align, RTE_CACHE_LINE_SIZE)));
      EXPECT_TRUE(std::all_of(clean, clean + size, [](std::uint8_t byte) { return byte == 0; }));
      rte_free(clean);
    }
  }
}

TEST_F(EalShim, AllocationRefusesWhatMakesNoSense) {
  rte_free(nullptr);
  EXPECT_EQ(rte_malloc("test", 0, 0), nullptr);
  EXPECT_EQ(rte_malloc("test", 10, 48), nullptr);
  volatile std::size_t huge = SIZE_MAX;  // volatile, lest the compiler warns of what is tested
  EXPECT_EQ(rte_malloc("test", huge, 64), nullptr);
  EXPECT_EQ(rte_calloc("test", huge / 2, 3, 0), nullptr);
  EXPECT_EQ(rte_malloc_validate(nullptr, nullptr), -1);
}

TEST_F(EalShim, ReallocationKeepsTheContents) {
  auto* block = static_cast<std::uint8_t*>(rte_calloc("test", 10, 10, 0));
  ASSERT_NE(block, nullptr);
  for (std::uint8_t i = 0; i < 100; ++i) block[i] = i;
  for (const std::size_t size : {200u, 100'000u, 100u}) {
    block = static_cast<std::uint8_t*>(rte_realloc(block, size, 4096));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, 4096));
    for (std::uint8_t i = 0; i < 100; ++i) ASSERT_EQ(block[i], i);
  }
  EXPECT_EQ(rte_realloc(block, 0, 0), nullptr);
  block = static_cast<std::uint8_t*>(rte_realloc_socket(nullptr, 10, 0, 0));
  EXPECT_NE(block, nullptr);
  rte_free(block);
}

TEST_F(EalShim, AllocationFromManyThreads) {
  const auto churn = [](std::uint8_t mark) {
    for (int round = 0; round < 2'000; ++round) {
      const std::size_t size = 1 + static_cast<std::size_t>(round) * 7 % 3000;
      auto* const block = static_cast<std::uint8_t*>(rte_zmalloc("test", size, 128));
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(block[0] | block[size - 1], 0);
      std::memset(block, mark, size);
      ASSERT_EQ(block[size / 2], mark);
      rte_free(block);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint8_t mark = 1; mark <= 4; ++mark) threads.emplace_back(churn, mark);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(EalShim, MemzonesAreNamedAlignedAndFreed) {
  const rte_memzone* const zone = rte_memzone_reserve_aligned("zone", 5000, SOCKET_ID_ANY, 0, 4096);
  ASSERT_NE(zone, nullptr);
  EXPECT_STREQ(zone->name, "zone");
  EXPECT_EQ(zone->len, 5000u);
  EXPECT_TRUE(is_aligned(zone->addr, 4096));
  EXPECT_EQ(zone->iova, reinterpret_cast<rte_iova_t>(zone->addr));
  EXPECT_EQ(rte_memzone_lookup("zone"), zone);
  EXPECT_EQ(rte_memzone_reserve("zone", 1, SOCKET_ID_ANY, 0), nullptr);
  EXPECT_EQ(rte_errno, EEXIST);
  EXPECT_EQ(rte_memzone_reserve("a name of more than thirty-one characters", 1, SOCKET_ID_ANY, 0), nullptr);
  EXPECT_EQ(rte_errno, ENAMETOOLONG);
  const rte_memzone* const bounded = rte_memzone_reserve_bounded("bounded", 3000, SOCKET_ID_ANY, 0, 64, 8192);
  ASSERT_NE(bounded, nullptr);
  const auto first = reinterpret_cast<std::uintptr_t>(bounded->addr);
  EXPECT_EQ(first / 8192, (first + 2999) / 8192);
  std::vector<std::string> names;
  rte_memzone_walk([](const rte_memzone* each,
                      void* into) { static_cast<std::vector<std::string>*>(into)->emplace_back(each->name); },
                   &names);
  EXPECT_NE(std::find(names.begin(), names.end(), "zone"), names.end());
  EXPECT_EQ(rte_memzone_free(zone), 0);
  EXPECT_EQ(rte_memzone_free(bounded), 0);
  EXPECT_EQ(rte_memzone_lookup("zone"), nullptr);
  EXPECT_EQ(rte_errno, ENOENT);
  EXPECT_EQ(rte_memzone_free(nullptr), -EINVAL);
}

}  // namespace
}  // namespace roost::eal_shim_test

// SPDX-License-Identifier: BSD-3-Clause
// DPDK's tables in a process without EAL.
#include <gtest/gtest.h>
#include <rte_acl.h>
#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_fbk_hash.h>
#include <rte_hash.h>
#include <rte_ip.h>
#include <rte_jhash.h>
#include <rte_lcore.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "nflib/eal_shim.h"

namespace {

using roost::EalThread;

constexpr std::uint64_t kTscHz = 2'000'000'000;

class EalShimTables : public testing::Test {
 protected:
  void SetUp() override { roost::init_eal_shim(kTscHz); }
};

struct HashFree {
  void operator()(rte_hash* hash) const { rte_hash_free(hash); }
};
using HashPointer = std::unique_ptr<rte_hash, HashFree>;

HashPointer make_hash(const char* name, std::uint32_t entries, std::uint8_t flags) {
  rte_hash_parameters parameters{};
  parameters.name = name;
  parameters.entries = entries;
  parameters.key_len = sizeof(std::uint64_t);
  parameters.hash_func = rte_jhash;
  parameters.socket_id = static_cast<int>(rte_socket_id());
  parameters.extra_flag = flags;
  return HashPointer(rte_hash_create(&parameters));
}

void* as_data(std::uint64_t value) { return reinterpret_cast<void*>(value); }

// Keys 0, 3, 6... are in, with ten times themselves as data.
void expect_hash_holds(rte_hash* hash, std::uint64_t count) {
  std::array<std::uint64_t, RTE_HASH_LOOKUP_BULK_MAX> keys;
  std::array<const void*, RTE_HASH_LOOKUP_BULK_MAX> key_pointers;
  std::array<void*, RTE_HASH_LOOKUP_BULK_MAX> data{};
  for (std::size_t i = 0; i < keys.size(); ++i) key_pointers[i] = &keys[i];
  for (std::uint64_t first = 0; first + keys.size() <= count * 3; first += keys.size()) {
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      keys[i] = first + i;
      if (keys[i] % 3 == 0) expected |= std::uint64_t{1} << i;
    }
    std::uint64_t hits = 0;
    rte_hash_lookup_bulk_data(hash, key_pointers.data(), keys.size(), &hits, data.data());
    ASSERT_EQ(hits, expected) << "from key " << first;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (expected >> i & 1) {
        ASSERT_EQ(data[i], as_data(keys[i] * 10));
      }
    }
  }
}

void fill_query_and_empty(rte_hash* hash, std::uint64_t count, bool lock_free) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t key = i * 3;
    ASSERT_EQ(rte_hash_add_key_data(hash, &key, as_data(key * 10)), 0) << "key " << key;
  }
  EXPECT_EQ(rte_hash_count(hash), static_cast<std::int32_t>(count));
  expect_hash_holds(hash, count);
  const std::uint64_t absent = 1;
  EXPECT_EQ(rte_hash_lookup(hash, &absent), -ENOENT);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t key = i * 3;
    const std::int32_t position = rte_hash_del_key(hash, &key);
    ASSERT_GE(position, 0);
    ASSERT_EQ(rte_hash_lookup(hash, &key), -ENOENT);
    if (lock_free) {
      ASSERT_EQ(rte_hash_free_key_with_position(hash, position), 0);
    }
  }
  EXPECT_EQ(rte_hash_count(hash), 0);
}

TEST_F(EalShimTables, HashOfTenThousand) {
  const HashPointer hash = make_hash("plain", 10'000, 0);
  ASSERT_NE(hash, nullptr);
  EXPECT_EQ(rte_hash_find_existing("plain"), hash.get());
  fill_query_and_empty(hash.get(), 10'000, false);
}

TEST_F(EalShimTables, HashWithLockFreeReaders) {
  const HashPointer hash = make_hash("lock_free", 10'000, RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF);
  ASSERT_NE(hash, nullptr);
  fill_query_and_empty(hash.get(), 10'000, true);
  fill_query_and_empty(hash.get(), 10'000, true);  // slots were freed
}

TEST_F(EalShimTables, LockFreeReaderSeesWhatAWriterAdds) {
  constexpr std::uint64_t kKeys = 10'000;
  const HashPointer hash = make_hash("reader_writer", kKeys, RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF);
  ASSERT_NE(hash, nullptr);
  std::atomic<std::uint64_t> added{0};
  std::thread writer([&] {
    const EalThread thread;
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      rte_hash_add_key_data(hash.get(), &key, as_data(key + 1));
      added.store(key + 1);
    }
  });
  std::uint64_t lost = 0;
  for (std::uint64_t known = 0; known < kKeys; known = added.load()) {
    if (known == 0) continue;
    for (const std::uint64_t key : {std::uint64_t{0}, known / 2, known - 1}) {
      void* data = nullptr;
      if (rte_hash_lookup_data(hash.get(), &key, &data) < 0 || data != as_data(key + 1)) ++lost;
    }
  }
  writer.join();
  EXPECT_EQ(lost, 0u);
}

TEST_F(EalShimTables, ThreadsThatAddToOneHashHaveLcoreIds) {
  EXPECT_EQ(rte_lcore_id(), LCORE_ID_ANY);
  constexpr std::uint64_t kKeys = 5'000;
  const HashPointer hash =
      make_hash("writers", 4 * kKeys, RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD);
  ASSERT_NE(hash, nullptr);
  std::array<unsigned, 2> ids{};
  std::atomic<int> failures{0};
  std::atomic<int> present{0};
  const auto add = [&](unsigned writer) {
    const EalThread thread;
    ids[writer] = rte_lcore_id();
    for (++present; present < 2;) std::this_thread::yield();
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const std::uint64_t key = i * 2 + writer;
      if (rte_hash_add_key_data(hash.get(), &key, as_data(key)) != 0) ++failures;
    }
  };
  std::thread other(add, 1);
  add(0);
  other.join();
  EXPECT_EQ(failures, 0);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_LT(std::max(ids[0], ids[1]), static_cast<unsigned>(RTE_MAX_LCORE));
  EXPECT_EQ(rte_lcore_id(), LCORE_ID_ANY);
  EXPECT_EQ(rte_hash_count(hash.get()), static_cast<std::int32_t>(2 * kKeys));
}

TEST_F(EalShimTables, LpmFindsTheLongestPrefix) {
  const rte_lpm_config config{.max_rules = 1024, .number_tbl8s = 64, .flags = 0};
  rte_lpm* const lpm = rte_lpm_create("lpm", static_cast<int>(rte_socket_id()), &config);
  ASSERT_NE(lpm, nullptr) << rte_strerror(rte_errno);
  EXPECT_EQ(rte_lpm_find_existing("lpm"), lpm);
  ASSERT_EQ(rte_lpm_add(lpm, RTE_IPV4(10, 0, 0, 0), 8, 1), 0);
  ASSERT_EQ(rte_lpm_add(lpm, RTE_IPV4(10, 1, 0, 0), 16, 2), 0);
  ASSERT_EQ(rte_lpm_add(lpm, RTE_IPV4(10, 1, 2, 3), 32, 3), 0);
  std::uint32_t hop = 0;
  EXPECT_EQ(rte_lpm_lookup(lpm, RTE_IPV4(10, 9, 9, 9), &hop), 0);
  EXPECT_EQ(hop, 1u);
  EXPECT_EQ(rte_lpm_lookup(lpm, RTE_IPV4(10, 1, 9, 9), &hop), 0);
  EXPECT_EQ(hop, 2u);
  EXPECT_EQ(rte_lpm_lookup(lpm, RTE_IPV4(10, 1, 2, 3), &hop), 0);
  EXPECT_EQ(hop, 3u);
  EXPECT_EQ(rte_lpm_lookup(lpm, RTE_IPV4(11, 0, 0, 1), &hop), -ENOENT);
  ASSERT_EQ(rte_lpm_delete(lpm, RTE_IPV4(10, 1, 2, 3), 32), 0);
  EXPECT_EQ(rte_lpm_lookup(lpm, RTE_IPV4(10, 1, 2, 3), &hop), 0);
  EXPECT_EQ(hop, 2u);
  rte_lpm_free(lpm);
  EXPECT_EQ(rte_lpm_find_existing("lpm"), nullptr);
}

TEST_F(EalShimTables, Lpm6FindsTheLongestPrefix) {
  const rte_lpm6_config config{.max_rules = 1024, .number_tbl8s = 256, .flags = 0};
  rte_lpm6* const lpm = rte_lpm6_create("lpm6", static_cast<int>(rte_socket_id()), &config);
  ASSERT_NE(lpm, nullptr) << rte_strerror(rte_errno);
  std::array<std::uint8_t, 16> net{0x20, 0x01, 0x0d, 0xb8};
  ASSERT_EQ(rte_lpm6_add(lpm, net.data(), 32, 7), 0);
  std::array<std::uint8_t, 16> host = net;
  host[15] = 1;
  ASSERT_EQ(rte_lpm6_add(lpm, host.data(), 128, 8), 0);
  std::array<std::uint8_t, 16> neighbour = net;
  neighbour[15] = 2;
  std::uint32_t hop = 0;
  EXPECT_EQ(rte_lpm6_lookup(lpm, host.data(), &hop), 0);
  EXPECT_EQ(hop, 8u);
  EXPECT_EQ(rte_lpm6_lookup(lpm, neighbour.data(), &hop), 0);
  EXPECT_EQ(hop, 7u);
  const std::array<std::uint8_t, 16> stranger{0xfe, 0x80};
  EXPECT_EQ(rte_lpm6_lookup(lpm, stranger.data(), &hop), -ENOENT);
  ASSERT_EQ(rte_lpm6_delete(lpm, host.data(), 128), 0);
  EXPECT_EQ(rte_lpm6_lookup(lpm, host.data(), &hop), 0);
  EXPECT_EQ(hop, 7u);
  rte_lpm6_free(lpm);
}

// What rte_acl_classify looks at, in network order.
struct Tuple {
  std::uint8_t protocol;
  std::array<std::uint8_t, 3> pad;
  std::uint32_t source;
  std::uint16_t source_port;
  std::uint16_t destination_port;
};

RTE_ACL_RULE_DEF(TupleRule, 4);

TupleRule tuple_rule(std::uint8_t protocol, std::uint32_t source, std::uint32_t depth, std::uint16_t port_first,
                     std::uint16_t port_last, std::uint32_t result, std::int32_t priority) {
  TupleRule rule{};
  rule.data.category_mask = 1;
  rule.data.priority = priority;
  rule.data.userdata = result;
  rule.field[0].value.u8 = protocol;
  rule.field[0].mask_range.u8 = 0xff;
  rule.field[1].value.u32 = source;
  rule.field[1].mask_range.u32 = depth;
  rule.field[2].mask_range.u16 = 0xffff;
  rule.field[3].value.u16 = port_first;
  rule.field[3].mask_range.u16 = port_last;
  return rule;
}

TEST_F(EalShimTables, AclClassifiesByItsRules) {
  rte_acl_param parameters{};
  parameters.name = "acl";
  parameters.socket_id = static_cast<int>(rte_socket_id());
  parameters.rule_size = RTE_ACL_RULE_SZ(4);
  parameters.max_rule_num = 16;
  rte_acl_ctx* const acl = rte_acl_create(&parameters);
  ASSERT_NE(acl, nullptr) << rte_strerror(rte_errno);
  EXPECT_EQ(rte_acl_find_existing("acl"), acl);
  const std::array rules{tuple_rule(6, RTE_IPV4(192, 168, 0, 0), 16, 80, 443, 11, 2),
                         tuple_rule(6, RTE_IPV4(192, 168, 0, 0), 16, 0, 65535, 12, 1),
                         tuple_rule(17, RTE_IPV4(0, 0, 0, 0), 0, 53, 53, 13, 1)};
  ASSERT_EQ(rte_acl_add_rules(acl, reinterpret_cast<const rte_acl_rule*>(rules.data()), rules.size()), 0);
  rte_acl_config config{};
  config.num_categories = 1;
  config.num_fields = 4;
  config.defs[0] = {RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(Tuple, protocol)};
  config.defs[1] = {RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(Tuple, source)};
  config.defs[2] = {RTE_ACL_FIELD_TYPE_RANGE, 2, 2, 2, offsetof(Tuple, source_port)};
  config.defs[3] = {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 2, offsetof(Tuple, destination_port)};
  ASSERT_EQ(rte_acl_build(acl, &config), 0);

  const auto tuple = [](std::uint8_t protocol, std::uint32_t source, std::uint16_t port) {
    return Tuple{protocol, {}, rte_cpu_to_be_32(source), rte_cpu_to_be_16(40'000), rte_cpu_to_be_16(port)};
  };
  // More than 16, so that the widest vector code takes part.
  std::vector<Tuple> packets;
  std::vector<std::uint32_t> expected;
  for (int i = 0; i < 12; ++i) {
    packets.push_back(tuple(6, RTE_IPV4(192, 168, i, 1), 443));
    expected.push_back(11);
    packets.push_back(tuple(6, RTE_IPV4(192, 168, i, 1), 8080));
    expected.push_back(12);
    packets.push_back(tuple(6, RTE_IPV4(192, 169, i, 1), 80));
    expected.push_back(0);
    packets.push_back(tuple(17, RTE_IPV4(1, 2, 3, i), 53));
    expected.push_back(13);
    packets.push_back(tuple(17, RTE_IPV4(192, 168, 3, i), 80));
    expected.push_back(0);
  }
  std::vector<const std::uint8_t*> data;
  for (const Tuple& packet : packets) data.push_back(reinterpret_cast<const std::uint8_t*>(&packet));
  std::vector<std::uint32_t> results(packets.size());
  ASSERT_EQ(rte_acl_classify(acl, data.data(), results.data(), static_cast<std::uint32_t>(data.size()), 1), 0);
  EXPECT_EQ(results, expected);
  rte_acl_free(acl);
}

TEST_F(EalShimTables, FbkHashAddsFindsAndDeletes) {
  rte_fbk_hash_params parameters{};
  parameters.name = "fbk";
  parameters.entries = 4096;
  parameters.entries_per_bucket = 8;
  parameters.socket_id = static_cast<int>(rte_socket_id());
  rte_fbk_hash_table* const table = rte_fbk_hash_create(&parameters);
  ASSERT_NE(table, nullptr) << rte_strerror(rte_errno);
  EXPECT_EQ(rte_fbk_hash_find_existing("fbk"), table);
  for (std::uint32_t key = 1; key <= 500; ++key) {
    ASSERT_EQ(rte_fbk_hash_add_key(table, key * 7919, static_cast<std::uint16_t>(key)), 0);
  }
  for (std::uint32_t key = 1; key <= 500; ++key) {
    ASSERT_EQ(rte_fbk_hash_lookup(table, key * 7919), static_cast<std::int32_t>(key));
  }
  EXPECT_LT(rte_fbk_hash_lookup(table, 5), 0);
  EXPECT_EQ(rte_fbk_hash_delete_key(table, 7919), 0);
  EXPECT_LT(rte_fbk_hash_lookup(table, 7919), 0);
  rte_fbk_hash_free(table);
}

}  // namespace

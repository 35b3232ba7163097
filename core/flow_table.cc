// SPDX-License-Identifier: BSD-3-Clause
#include "core/flow_table.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include <algorithm>
#include <atomic>

#include "core/error.h"

namespace roost {
namespace {

uint32_t check_rows(uint32_t rows, const char* what) {
  if (rows == 0 || rows > FlowTable::kRowsMax) {
    fail("flow table: {} = {} is out of range; use 1 to {}", what, rows, FlowTable::kRowsMax);
  }
  constexpr uint32_t kRowsLeast = 8;  // rte_hash's own: one bucket
  return std::max(rows, kRowsLeast);
}

}  // namespace

FlowTable::Table FlowTable::make_table(const std::string& name, uint32_t rows, uint32_t key_bytes) {
  rte_hash_parameters parameters{};
  parameters.name = name.c_str();
  parameters.entries = rows;
  parameters.key_len = key_bytes;
  parameters.hash_func = rte_hash_crc;
  parameters.socket_id = SOCKET_ID_ANY;
  // Chained buckets for what cuckoo hashing can't place: all rows can be used, not some 95 %.
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
  Table table(rte_hash_create(&parameters));
  if (table == nullptr) {
    fail("flow table: no memory for {} flows of {} bytes ({}); allow fewer flows, or more memory", rows, key_bytes,
         rte_strerror(rte_errno));
  }
  return table;
}

FlowTable::FlowTable(uint32_t rows4, uint32_t rows_wide)
    : rows4_(check_rows(rows4, "rows for IPv4")), rows_wide_(check_rows(rows_wide, "rows for wide keys")) {
  static std::atomic<uint32_t> made{0};  // rte_hash tells its tables apart by name
  const uint32_t number = made++;
  table4_ = make_table(fmt::format("flow4-{}", number), rows4_, sizeof(FlowKey4));
  table_wide_ = make_table(fmt::format("flow6-{}", number), rows_wide_, sizeof(FlowKey6));
  const size_t bytes = sizeof(FlowEntry) * rows();
  entries_.reset(static_cast<FlowEntry*>(rte_zmalloc("flow entries", bytes, RTE_CACHE_LINE_SIZE)));
  if (entries_ == nullptr) {
    fail("flow table: no memory for {} entries ({} bytes); allow fewer flows, or more memory", rows(), bytes);
  }
}

FlowTable::~FlowTable() = default;
void FlowTable::Free::operator()(rte_hash* table) const noexcept { rte_hash_free(table); }
void FlowTable::Free::operator()(FlowEntry* entries) const noexcept { rte_free(entries); }

uint32_t FlowTable::hash(const FlowKey& key) noexcept {
  return key.kind == FlowKey::Kind::k4 ? rte_hash_crc(&key.four, sizeof key.four, 0)
                                       : rte_hash_crc(&key.wide, sizeof key.wide, 0);
}

void FlowTable::find(const FlowKey* keys, uint32_t count, uint32_t* hashes, FlowEntry** entries) noexcept {
  const void* keys4[kBurstMax];
  const void* keys_wide[kBurstMax];
  uint32_t hashes4[kBurstMax];
  uint32_t hashes_wide[kBurstMax];
  uint8_t places4[kBurstMax];
  uint8_t places_wide[kBurstMax];
  uint32_t count4 = 0;
  uint32_t count_wide = 0;
  for (uint32_t i = 0; i < count; ++i) {
    hashes[i] = hash(keys[i]);
    // Both kinds without a branch that mixed traffic would mispredict: written twice, counted once.
    const bool wide = keys[i].kind == FlowKey::Kind::kWide;
    keys4[count4] = &keys[i].four;
    hashes4[count4] = hashes[i];
    places4[count4] = static_cast<uint8_t>(i);
    keys_wide[count_wide] = &keys[i].wide;
    hashes_wide[count_wide] = hashes[i];
    places_wide[count_wide] = static_cast<uint8_t>(i);
    count4 += wide ? 0 : 1;
    count_wide += wide ? 1 : 0;
  }
  if (count4 != 0) find_in(table4_.get(), 0, keys4, hashes4, places4, count4, entries);
  if (count_wide != 0) find_in(table_wide_.get(), rows4_, keys_wide, hashes_wide, places_wide, count_wide, entries);
}

void FlowTable::find_in(const rte_hash* table, uint32_t base, const void** keys, uint32_t* hashes,
                        const uint8_t* places, uint32_t count, FlowEntry** entries) noexcept {
  int32_t positions[kBurstMax];
  rte_hash_lookup_with_hash_bulk(table, keys, hashes, count, positions);
  for (uint32_t i = 0; i < count; ++i) {
    FlowEntry* entry = positions[i] < 0 ? nullptr : &entries_[base + static_cast<uint32_t>(positions[i])];
    __builtin_prefetch(entry, 1);
    entries[places[i]] = entry;
  }
}

FlowEntry* FlowTable::insert(const FlowKey& key, uint32_t hash) noexcept {
  const bool wide = key.kind == FlowKey::Kind::kWide;
  rte_hash* table = wide ? table_wide_.get() : table4_.get();
  const void* bytes = wide ? static_cast<const void*>(&key.wide) : &key.four;
  uint32_t& size = wide ? size_wide_ : size4_;
  if (size == (wide ? rows_wide_ : rows4_)) {
    const int32_t known = rte_hash_lookup_with_hash(table, bytes, hash);
    return known < 0 ? nullptr : &entries_[(wide ? rows4_ : 0) + static_cast<uint32_t>(known)];
  }
  const int32_t position = rte_hash_add_key_with_hash(table, bytes, hash);
  if (position < 0) return nullptr;
  FlowEntry* entry = &entries_[(wide ? rows4_ : 0) + static_cast<uint32_t>(position)];
  if (entry->used) return entry;
  *entry = {};
  entry->hash = hash;
  entry->used = 1;
  ++size;
  return entry;
}

void FlowTable::erase(FlowEntry* entry) noexcept {
  const auto row = static_cast<uint32_t>(entry - entries_.get());
  const bool wide = row >= rows4_;
  rte_hash* table = wide ? table_wide_.get() : table4_.get();
  void* key = nullptr;
  if (!entry->used || rte_hash_get_key_with_position(table, static_cast<int32_t>(wide ? row - rows4_ : row), &key) != 0)
    return;
  rte_hash_del_key_with_hash(table, key, entry->hash);
  entry->used = 0;
  --(wide ? size_wide_ : size4_);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "core/error.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

FlowKey key4(uint32_t number) {
  FlowKey key;
  key.kind = FlowKey::Kind::k4;
  key.four = {number, 1, 2, 3, 17, 0, 0};
  return key;
}
FlowKey wide(uint32_t number) {
  FlowKey key;
  key.kind = FlowKey::Kind::kWide;
  key.wide = {};
  std::memcpy(key.wide.source, &number, sizeof number);
  return key;
}
FlowKey key_of(uint32_t number) { return number % 3 == 0 ? wide(number) : key4(number); }

class FlowTableTest : public testing::Test {
 protected:
  FlowTableTest() { test::start_eal(); }

  static FlowEntry* find(FlowTable& table, const FlowKey& key) {
    uint32_t hash;
    FlowEntry* entry;
    table.find(&key, 1, &hash, &entry);
    EXPECT_EQ(hash, FlowTable::hash(key));
    return entry;
  }
  static FlowEntry* insert(FlowTable& table, const FlowKey& key) { return table.insert(key, FlowTable::hash(key)); }
};

TEST_F(FlowTableTest, FindsWhatWasInserted) {
  FlowTable table(100, 100);
  EXPECT_EQ(find(table, key4(1)), nullptr);
  FlowEntry* entry = insert(table, key4(1));
  ASSERT_NE(entry, nullptr);
  entry->way.path = 77;
  EXPECT_EQ(find(table, key4(1)), entry);
  EXPECT_EQ(insert(table, key4(1)), entry);  // as it is
  EXPECT_EQ(entry->way.path, 77U);
  EXPECT_EQ(find(table, wide(1)), nullptr);
  EXPECT_EQ(table.size4(), 1U);
  table.erase(entry);
  EXPECT_EQ(find(table, key4(1)), nullptr);
  table.erase(entry);  // twice does nothing
  EXPECT_EQ(table.size4(), 0U);
  entry = insert(table, key4(1));
  EXPECT_EQ(entry->way.path, 0U);
}

TEST_F(FlowTableTest, BurstsOfBothKinds) {
  FlowTable table(1000, 1000);
  std::vector<FlowEntry*> inserted;
  for (uint32_t i = 0; i < 500; ++i) inserted.push_back(insert(table, key_of(i)));
  for (uint32_t from = 0; from < 600; from += 60) {
    FlowKey keys[FlowTable::kBurstMax];
    uint32_t hashes[FlowTable::kBurstMax];
    FlowEntry* entries[FlowTable::kBurstMax];
    for (uint32_t i = 0; i < FlowTable::kBurstMax; ++i) keys[i] = key_of(from + i);
    table.find(keys, FlowTable::kBurstMax, hashes, entries);
    for (uint32_t i = 0; i < FlowTable::kBurstMax; ++i) {
      EXPECT_EQ(entries[i], from + i < 500 ? inserted[from + i] : nullptr) << from + i;
      EXPECT_EQ(hashes[i], FlowTable::hash(keys[i]));
    }
  }
}

TEST_F(FlowTableTest, FillsToTheLastRowAndSaysSo) {
  for (const uint32_t rows : {8U, 9U, 64U, 1000U, 4096U}) {
    FlowTable table(rows, rows);
    for (uint32_t i = 0; i < rows; ++i) {
      ASSERT_NE(insert(table, key4(i)), nullptr) << i << " of " << rows;
      ASSERT_NE(insert(table, wide(i)), nullptr) << i << " of " << rows;
    }
    EXPECT_EQ(insert(table, key4(rows)), nullptr);
    EXPECT_EQ(insert(table, wide(rows)), nullptr);
    EXPECT_NE(insert(table, key4(0)), nullptr);
    table.erase(find(table, key4(rows - 1)));
    EXPECT_NE(insert(table, key4(rows + 5)), nullptr);
  }
}

TEST_F(FlowTableTest, SweepsAFewRowsATurn) {
  FlowTable table(300, 100);
  for (uint32_t i = 0; i < 300; ++i) insert(table, key_of(i))->last_seen_s = i % 2 == 0 ? 10 : 20;
  uint32_t forgotten = 0;
  uint32_t turns = 0;
  while (turns < 40) {
    const uint32_t erased = table.sweep(25, 10, 10, [&](FlowEntry& entry) {
      EXPECT_EQ(entry.last_seen_s, 10U);
      ++forgotten;
    });
    EXPECT_LE(erased, 10U);
    ++turns;
  }
  EXPECT_EQ(forgotten, 150U);
  EXPECT_EQ(table.size4() + table.size_wide(), 150U);
  for (uint32_t i = 0; i < 300; ++i) EXPECT_EQ(find(table, key_of(i)) != nullptr, i % 2 != 0);
  // A flow seen after now_s was read stays.
  EXPECT_EQ(table.sweep(19, 10, 1000, [](FlowEntry&) {}), 0U);
}

TEST_F(FlowTableTest, FuzzAgainstAMap) {
  FlowTable table(200, 100);
  std::map<uint32_t, FlowEntry*> reference;
  std::mt19937 random(5);
  for (int step = 0; step < 200'000; ++step) {
    const uint32_t number = random() % 400;
    const auto known = reference.find(number);
    FlowEntry* found = find(table, key_of(number));
    ASSERT_EQ(found, known == reference.end() ? nullptr : known->second);
    if (found != nullptr) {
      ASSERT_EQ(found->way.path, number);
      if (random() % 2 == 0) {
        table.erase(found);
        reference.erase(known);
      }
    } else if (FlowEntry* entry = insert(table, key_of(number))) {
      entry->way.path = number;
      reference[number] = entry;
    } else {
      ASSERT_EQ(number % 3 == 0 ? table.size_wide() : table.size4(), number % 3 == 0 ? 100U : 200U);
    }
    ASSERT_EQ(table.size4() + table.size_wide(), reference.size());
  }
}

TEST_F(FlowTableTest, RefusesSizesOutOfRangeAndMissingMemory) {
  EXPECT_EQ(FlowTable(1, 1).rows(), 16U);
  EXPECT_THROW(FlowTable(0, 1), Error);
  EXPECT_THROW(FlowTable(1, 0), Error);
  EXPECT_THROW(FlowTable(FlowTable::kRowsMax + 1, 1), Error);
  EXPECT_THROW(FlowTable(FlowTable::kRowsMax, 1), Error);  // more than the tests' memory
}

}  // namespace
}  // namespace roost

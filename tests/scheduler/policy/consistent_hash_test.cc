// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/consistent_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace roost {
namespace {

ConsistentHash group_of(uint32_t members) {
  ConsistentHash group;
  for (uint32_t id = 0; id < members; ++id) EXPECT_TRUE(group.add(id * 7 + 3));
  return group;
}

std::vector<uint32_t> picks(const ConsistentHash& group, uint32_t keys) {
  std::vector<uint32_t> result(keys);
  for (uint32_t key = 0; key < keys; ++key) result[key] = group.pick(key);
  return result;
}

// Chi square over the members' shares, as standard deviations from its mean.
double imbalance(const std::vector<uint32_t>& picked, uint32_t members) {
  std::map<uint32_t, double> hits;
  for (const uint32_t id : picked) ++hits[id];
  const double expected = static_cast<double>(picked.size()) / members;
  double chi_square = (members - static_cast<double>(hits.size())) * expected;
  for (const auto& [id, count] : hits) chi_square += (count - expected) * (count - expected) / expected;
  const double freedom = members - 1.0;
  return freedom == 0 ? 0 : (chi_square - freedom) / std::sqrt(2 * freedom);
}

TEST(ConsistentHash, NobodyAndOne) {
  ConsistentHash group;
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(group.pick(1), ConsistentHash::kNone);
  EXPECT_FALSE(group.remove(5));
  EXPECT_TRUE(group.add(5));
  EXPECT_FALSE(group.add(5));
  EXPECT_EQ(group.pick(1), 5U);
  EXPECT_TRUE(group.contains(5));
  EXPECT_TRUE(group.remove(5));
  EXPECT_EQ(group.pick(1), ConsistentHash::kNone);
  EXPECT_TRUE(group.add(6));
  EXPECT_EQ(group.pick(1), 6U);
}

class Balance : public testing::TestWithParam<uint32_t> {};

TEST_P(Balance, SharesAreEqual) {
  const uint32_t members = GetParam();
  EXPECT_LT(imbalance(picks(group_of(members), members * 100), members), 5.0);
}

TEST_P(Balance, SharesAreEqualAfterRemovals) {
  const uint32_t members = GetParam();
  ConsistentHash group = group_of(members);
  std::mt19937 random(members);
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < members; ++id) ids.push_back(id * 7 + 3);
  std::shuffle(ids.begin(), ids.end(), random);
  const uint32_t left = (members + 2) / 3;
  for (uint32_t i = left; i < members; ++i) ASSERT_TRUE(group.remove(ids[i]));
  EXPECT_EQ(group.size(), left);
  EXPECT_LT(imbalance(picks(group, left * 100), left), 5.0);
}

INSTANTIATE_TEST_SUITE_P(Members, Balance, testing::Values(1, 2, 3, 5, 8, 9, 31, 64, 100, 129, 1000, 5000));

// Across powers of two too, where other schemes rebuild.
TEST(ConsistentHash, ANewMemberTakesItsShareAndNothingElseMoves) {
  constexpr uint32_t kKeys = 20'000;
  ConsistentHash group;
  group.add(0);
  std::vector<uint32_t> before = picks(group, kKeys);
  for (uint32_t id = 1; id < 150; ++id) {
    group.add(id);
    const std::vector<uint32_t> after = picks(group, kKeys);
    uint32_t moved = 0;
    for (uint32_t key = 0; key < kKeys; ++key) {
      if (after[key] == before[key]) continue;
      ASSERT_EQ(after[key], id);
      ++moved;
    }
    const double expected = static_cast<double>(kKeys) / (id + 1);
    EXPECT_NEAR(moved, expected, 6 * std::sqrt(expected)) << id;
    before = after;
  }
}

TEST(ConsistentHash, ALeavingMembersKeysAloneMoveAndComeBackWithIt) {
  constexpr uint32_t kKeys = 50'000;
  ConsistentHash group = group_of(100);
  const std::vector<uint32_t> first = picks(group, kKeys);
  std::vector<uint32_t> before = first;
  const uint32_t gone[] = {3, 696, 353, 360, 10, 689};
  for (const uint32_t id : gone) {
    ASSERT_TRUE(group.remove(id));
    const std::vector<uint32_t> after = picks(group, kKeys);
    for (uint32_t key = 0; key < kKeys; ++key) {
      if (before[key] == id) {
        ASSERT_NE(after[key], id);
      } else {
        ASSERT_EQ(after[key], before[key]);
      }
    }
    before = after;
  }
  for (auto id = std::rbegin(gone); id != std::rend(gone); ++id) group.add(*id);
  EXPECT_EQ(picks(group, kKeys), first);
}

TEST(ConsistentHash, AHundredThousandMembers) {
  constexpr uint32_t kMembers = 100'000;
  ConsistentHash group = group_of(kMembers);
  EXPECT_LT(imbalance(picks(group, 20 * kMembers), kMembers), 5.0);
  for (uint32_t id = 0; id < kMembers; ++id) {
    if (id % 1000 != 0) {
      ASSERT_TRUE(group.remove(id * 7 + 3));
    }
  }
  EXPECT_EQ(group.size(), 100U);
  EXPECT_LT(imbalance(picks(group, 100'000), 100), 5.0);
}

TEST(ConsistentHash, FuzzAgainstASet) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    ConsistentHash group;
    std::set<uint32_t> reference;
    for (int step = 0; step < 3000; ++step) {
      const uint32_t id = random() % 200;
      // In waves, so that it empties and fills.
      const bool add = random() % 100 < (step / 300 % 2 == 0 ? 70U : 25U);
      ASSERT_EQ(add ? group.add(id) : group.remove(id), add ? reference.insert(id).second : reference.erase(id) == 1);
      ASSERT_EQ(group.size(), reference.size());
      for (int probe = 0; probe < 5; ++probe) {
        const uint32_t picked = group.pick(random());
        ASSERT_EQ(reference.empty(), picked == ConsistentHash::kNone);
        if (!reference.empty()) {
          ASSERT_TRUE(reference.contains(picked));
        }
      }
    }
    if (reference.size() > 1) {
      EXPECT_LT(imbalance(picks(group, 20'000), group.size()), 5.0);
    }
  }
}

}  // namespace
}  // namespace roost

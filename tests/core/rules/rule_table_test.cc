// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/rule_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/rules/rule_list.h"
#include "tests/core/rules/random_rules.h"

namespace roost {
namespace {

using test::RandomRules;

TEST(PrefixIndex, SaysTheLengthsAroundAnAddress) {
  RandomRules random(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<PrefixIndex::Prefix> prefixes;
    for (uint32_t i = 0, count = random.below(200); i < count; ++i) {
      const uint32_t length = random.below(3) == 0 ? random.below(65) : random.below(9);
      const uint64_t address = uint64_t{random.below(4)} << 62 | uint64_t{random.below(16)} << 56 | random.below(4);
      prefixes.push_back({length == 0 ? 0 : address & ~uint64_t{0} << (64 - length), length});
    }
    if (round % 10 == 0) prefixes.push_back({~uint64_t{0}, 64});
    const PrefixIndex index(prefixes);
    const auto expected = [&](uint64_t address) {
      uint64_t lengths = 0;
      for (const auto& [prefix, length] : prefixes)
        if (length != 0 && ((address ^ prefix) >> (64 - length)) == 0) lengths |= PrefixIndex::bit_of(length);
      return lengths;
    };
    for (const auto& [prefix, length] : prefixes)
      for (const uint64_t address :
           {prefix, prefix + 1, prefix - 1, length == 64 ? prefix : prefix | ~uint64_t{0} >> length,
            length == 64 ? prefix : (prefix | ~uint64_t{0} >> length) + 1})
        ASSERT_EQ(index.lengths(address), expected(address)) << std::hex << address;
  }
}

TEST(RuleTable, Empty) {
  const RuleTable table({});
  EXPECT_EQ(table.find({}), kNoRule);
  EXPECT_EQ(table.beyond(), 0U);
  EXPECT_FALSE(table.shadow_of({}, 5));
}

TEST(RuleTable, TheHighestRankWins) {
  RandomRules random(1);
  const RuleMatch all{}, some = random.acl(false);
  const PacketFields packet = random.packet_in(some);
  const RuleRow wide{&all, 5, 1, {RuleAction::Kind::port, 3}}, narrow{&some, 6, 2, {}};
  const RuleTable narrow_first(std::vector{wide, narrow});
  EXPECT_EQ(narrow_first.find(packet), 2U);
  EXPECT_EQ(narrow_first.find({}), 1U);
  EXPECT_EQ(narrow_first.action(1), (RuleAction{RuleAction::Kind::port, 3}));
  const RuleTable wide_first(std::vector{RuleRow{&all, 7, 1, {}}, narrow});
  EXPECT_EQ(wide_first.find(packet), 1U);
}

class RuleTableAgainstTheList : public testing::TestWithParam<uint32_t> {};

TEST_P(RuleTableAgainstTheList, FindsTheSame) {
  RandomRules random(GetParam());
  std::vector<RuleMatch> matches;
  uint32_t hits = 0, packets = 0;
  for (const uint32_t count : {1U, 2U, 10U, 100U, 1000U}) {
    const auto rows = test::rows_of(matches, count, random, [&] { return random.any(); });
    const RuleTable table(rows);
    const RuleList list(rows);
    for (uint32_t i = 0; i < 1'000; ++i, ++packets) {
      const PacketFields packet =
          i % 4 == 0 ? random.packet_anywhere() : random.packet_in(matches[random.below(count)]);
      const uint32_t found = table.find(packet);
      ASSERT_EQ(found, list.find(packet)) << count << " rules";
      hits += found != kNoRule;
    }
  }
  EXPECT_GT(hits, packets / 2);
}

TEST_P(RuleTableAgainstTheList, ShadowedOnesAreNeverFound) {
  RandomRules random(100 + GetParam());
  std::vector<RuleMatch> matches;
  const auto rows = test::rows_of(matches, 600, random, [&] { return random.acl(true); });
  const RuleTable table(rows);
  std::set<uint32_t> shadowed;
  for (const RuleRow& row : rows) {
    const auto by = table.shadow_of(*row.match, row.rank);
    const bool covered = std::any_of(rows.begin(), rows.end(), [&](const RuleRow& other) {
      return other.rank > row.rank && covers(*other.match, *row.match);
    });
    if (covered) {
      EXPECT_TRUE(by) << "rule " << row.slot;
    }
    if (!by) continue;
    EXPECT_GT(rows[*by - 1].rank, row.rank);
    shadowed.insert(row.slot);
  }
  EXPECT_GT(shadowed.size(), 10U);
  EXPECT_LT(shadowed.size(), 590U);  // few match everything
  for (uint32_t i = 0; i < 20'000; ++i)
    EXPECT_FALSE(shadowed.contains(table.find(random.packet_in(matches[random.below(600)]))));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RuleTableAgainstTheList, testing::Range(1U, 7U));

TEST(RuleTable, LooksBeyondTheKeyWhereRulesDo) {
  RuleMatch match;
  const auto beyond = [&] {
    const RuleRow row{&match, 1, 1, {}};
    return RuleTable({&row, 1}).beyond();
  };
  EXPECT_EQ(beyond(), 0U);
  match.mask.protocol = 0xff;
  match.mask.in_port = 0xffff;
  match.mask.kind = PacketFields::kIp | PacketFields::kIpv4;
  match.mask.source[0] = 0xff;
  EXPECT_EQ(beyond(), 0U);
  match.mask.dscp = 0xff;
  EXPECT_EQ(beyond(), kBeyondDscp);
  match.mask.vlan = PacketFields::kVlanTagged;
  EXPECT_EQ(beyond(), kBeyondDscp | kBeyondVlan);
}

TEST(RuleTable, OfTooManyTuplesIsRefused) {
  std::vector<RuleMatch> matches(kTuplesMax + 1);
  std::vector<RuleRow> rows;
  for (uint32_t i = 0; i < matches.size(); ++i) {
    matches[i].mask.eth_type = static_cast<uint16_t>(i);
    rows.push_back({&matches[i], i + 1, i + 1, {}});
  }
  EXPECT_THROW(RuleTable table(rows), Error);
  rows.pop_back();
  EXPECT_EQ(RuleTable(rows).tuples(), kTuplesMax);
}

}  // namespace
}  // namespace roost

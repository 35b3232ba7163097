// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/rule_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace roost::rule_book_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr uint64_t kHz = 1'000'000;  // cycles

class RuleBookTest : public testing::Test {
 protected:
  RuleSpec rule(const std::string& text) const { return parse_rule(text, names); }
  RuleBook::Changed add(const std::vector<std::string>& texts, RuleBook::Change change = {}, uint64_t now_ms = 0) {
    for (const auto& text : texts) change.add.push_back(rule(text));
    return book.change(std::move(change), now_ms);
  }
  std::vector<uint32_t> order() const {
    std::vector<uint32_t> ids;
    for (const auto& [rank, each] : book.rules()) ids.push_back(each.id);
    return ids;
  }
  void hit(uint32_t id, uint64_t tsc) { book.counts()[book.find(id)->slot].add(60, tsc); }
  std::vector<std::pair<uint32_t, RuleBook::End>> ended_at(uint64_t now_ms) {
    return book.ended(now_ms, now_ms * kHz / 1'000, kHz);
  }

  const RuleNames names{{{"web", 0}, {"voice", 1}}, {{"lan0", 0}}};
  RuleBook book;
};

TEST_F(RuleBookTest, OrdersByPriorityThenByAge) {
  EXPECT_EQ(add({"tcp drop", "priority=2000 udp drop", "icmp drop"}).first, 1U);
  EXPECT_EQ(add({"priority=2000 sctp drop", "priority=0 drop"}).first, 4U);
  EXPECT_THAT(order(), ElementsAre(2, 4, 1, 3, 5));
  EXPECT_EQ(book.after(1)->second.id, 3U);
  EXPECT_EQ(book.after(5), book.rules().end());
  EXPECT_THROW(book.after(9), Error);
  EXPECT_EQ(book.find(9), nullptr);
}

TEST_F(RuleBookTest, ChangesAreWholeOrNotAtAll) {
  add({"tcp chain=web", "udp chain=voice"});
  hit(1, 7);
  const auto before = order();
  const uint32_t slot = book.find(1)->slot;
  EXPECT_THROW(add({"icmp drop"}, {.remove = {1, 3}}), Error);
  RuleBook::Change many;
  for (uint32_t i = 0; i < kTuplesMax + 1; ++i) {
    RuleSpec spec;
    spec.match.mask.eth_type = static_cast<uint16_t>(i);
    many.add.push_back(spec);
  }
  many.remove = {1};
  EXPECT_THROW(book.change(many, 0), Error);
  many.remove_all = true;
  EXPECT_THROW(book.change(many, 0), Error);
  EXPECT_EQ(order(), before);
  ASSERT_NE(book.find(1), nullptr);
  EXPECT_EQ(book.find(1)->slot, slot);
  EXPECT_EQ(book.count(slot).hits, 1U);
  EXPECT_EQ(add({"icmp drop"}).first, 3U);
  EXPECT_EQ(book.names_chain(0), 1U);
  const auto changed = add({"sctp chain=web"}, {.remove_all = true});
  EXPECT_EQ(changed.removed, 3U);
  EXPECT_EQ(changed.table->rules(), 1U);
  EXPECT_THAT(order(), ElementsAre(4));
}

// The loop counts in a slot until it has another table: whoever gets it next begins at nought, a change later.
TEST_F(RuleBookTest, SlotsAreUsedAgainOneChangeLater) {
  add({"tcp drop"});
  hit(1, 7);
  const uint32_t slot = book.find(1)->slot;
  add({"udp drop"}, {.remove = {1}});
  EXPECT_NE(book.find(2)->slot, slot);
  add({"icmp drop"});
  EXPECT_EQ(book.find(3)->slot, slot);
  EXPECT_EQ(book.count(slot).hits, 0U);
}

TEST_F(RuleBookTest, TellsOfShadows) {
  EXPECT_THAT(add({"tcp dport=80 drop", "ip chain=web"}).shadows, IsEmpty());
  auto shadows = add({"tcp dport=81 drop", "priority=2000 tcp dport=80-90 chain=web"}).shadows;
  ASSERT_EQ(shadows.size(), 2U);
  EXPECT_EQ(shadows[0].rule, 3U);
  EXPECT_EQ(shadows[1].rule, 1U);
  EXPECT_EQ(shadows[1].by, 4U);
  EXPECT_EQ(book.shadowed_by(*book.find(1)), 4U);
  EXPECT_EQ(book.shadowed_by(*book.find(2)), std::nullopt);
  // Many at once are looked up; the same comes of it.
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("priority=3000 udp dport=" + std::to_string(i) + " drop");
  EXPECT_THAT(add(many).shadows, IsEmpty());
  many.clear();
  for (int i = 0; i < 50; ++i) many.push_back("priority=4000 tcp dport=" + std::to_string(60 + i) + " drop");
  many.push_back("udp dport=7 drop");
  shadows = add(many).shadows;
  ASSERT_EQ(shadows.size(), 1U) << "those that were shadowed before are no news";
  EXPECT_EQ(shadows[0].rule, 155U);
  many.clear();
  for (int i = 0; i < 50; ++i) many.push_back("priority=5000 udp dport=" + std::to_string(200 + i) + " drop");
  many.push_back("priority=5000 udp dport=0-99 chain=web");
  EXPECT_EQ(add(many).shadows.size(), 100U) << "of the older ones";
}

TEST_F(RuleBookTest, HardTimeouts) {
  add({"tcp drop hard=10", "udp drop", "icmp drop hard=5"}, {}, 1'000);
  EXPECT_EQ(book.due_ms(), 6'000U);
  EXPECT_THAT(ended_at(5'999), IsEmpty());
  EXPECT_THAT(ended_at(6'000), ElementsAre(Pair(3, RuleBook::End::hard)));
  book.change({.remove = {3}}, 6'000);
  EXPECT_EQ(book.due_ms(), 11'000U);
  hit(1, 10'999 * kHz / 1'000);  // whatever comes
  EXPECT_THAT(ended_at(11'000), ElementsAre(Pair(1, RuleBook::End::hard)));
  book.change({.remove_all = true}, 11'000);
  EXPECT_EQ(book.due_ms(), std::nullopt);
}

TEST_F(RuleBookTest, IdleTimeoutsCountFromTheLastPacket) {
  add({"tcp drop idle=10", "udp drop idle=10 hard=25"}, {}, 1'000);
  hit(1, 8 * kHz);
  hit(2, 9 * kHz);
  EXPECT_THAT(ended_at(11'000), IsEmpty());
  EXPECT_EQ(book.due_ms(), 18'000U);
  EXPECT_THAT(ended_at(18'000), ElementsAre(Pair(1, RuleBook::End::idle)));
  book.change({.remove = {1}}, 18'000);
  hit(2, 18 * kHz);
  EXPECT_THAT(ended_at(19'000), IsEmpty());
  EXPECT_EQ(book.due_ms(), 26'000U);
  EXPECT_THAT(ended_at(26'000), ElementsAre(Pair(2, RuleBook::End::hard)));
}

}  // namespace
}  // namespace roost::rule_book_test

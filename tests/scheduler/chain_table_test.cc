// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/chain_table.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace roost {
namespace {

class Chains : public testing::Test {
 protected:
  Chains() : paths_(64), chains_({{"a", {1}, 0}, {"b", {2, 3}, 1}}) { chains_.use(paths_); }
  uint32_t path_of(uint16_t chain) {
    const PathTable::Hop hop{chain, 0, 0, 1};
    return paths_.intern(chains_.definition(chain), {&hop, 1});
  }
  void let_epochs_pass() {
    for (int i = 0; i < 8; ++i) paths_.advance_epoch();
  }

  PathTable paths_;
  ChainTable chains_;
};

TEST_F(Chains, AChainKeepsItsNumberWhenItChanges) {
  EXPECT_EQ(chains_[chains_.definition(1)].services, (std::vector<uint16_t>{2, 3}));
  const uint16_t before = chains_.definition(1);
  const uint32_t path = path_of(1);
  EXPECT_EQ(chains_.paths(1), 1U);
  chains_.change(1, {"b", {4}, 0});
  EXPECT_NE(chains_.definition(1), before);
  EXPECT_EQ(chains_[chains_.definition(1)].services, (std::vector<uint16_t>{4}));
  EXPECT_EQ(chains_[paths_.chain(path)].services, (std::vector<uint16_t>{2, 3}));  // what is on its way goes on
  EXPECT_EQ(chains_.paths(1), 0U);
  EXPECT_EQ(chains_[chains_.definition(0)].services, (std::vector<uint16_t>{1}));
}

TEST_F(Chains, ADefinitionIsUsedAgainOnlyWhenNoPathIsOfIt) {
  const uint16_t before = chains_.definition(1);
  const uint32_t path = path_of(1);
  chains_.change(1, {"b", {4}, 0});
  chains_.change(1, {"b", {5}, 0});
  EXPECT_NE(chains_.definition(1), before);
  EXPECT_EQ(chains_[before].services, (std::vector<uint16_t>{2, 3}));
  paths_.release(path);
  chains_.change(1, {"b", {6}, 0});
  EXPECT_EQ(chains_[before].services, (std::vector<uint16_t>{2, 3}));  // packets may still be on it
  let_epochs_pass();
  chains_.change(1, {"b", {7}, 0});
  EXPECT_EQ(chains_.definition(1), before);
}

TEST_F(Chains, NumbersOfRemovedChainsAreUsedAgain) {
  EXPECT_EQ(chains_.add({"c", {1}, 0}), 2);
  chains_.remove(0);
  EXPECT_EQ(chains_.add({"d", {9}, 0}), 0);
  EXPECT_EQ(chains_[chains_.definition(0)].services, (std::vector<uint16_t>{9}));
  EXPECT_EQ(chains_.add({"e", {9}, 0}), 3);
}

TEST_F(Chains, ThousandsOfChangesTakeNoRoom) {
  for (uint32_t i = 0; i < 3 * ChainTable::kChainsMax; ++i) chains_.change(0, {"a", {1}, 0});
  EXPECT_LT(chains_.definition(0), 8);
}

TEST_F(Chains, TooManyAreRefusedWithNothingChanged) {
  for (uint32_t i = 2; i < ChainTable::kChainsMax; ++i) chains_.add({"x", {1}, 0});
  EXPECT_THROW(chains_.add({"y", {1}, 0}), Error);
  const uint16_t before = chains_.definition(0);
  EXPECT_THROW(chains_.change(0, {"a", {2}, 0}), Error);
  EXPECT_EQ(chains_.definition(0), before);
  chains_.remove(1);
  EXPECT_EQ(chains_.add({"y", {1}, 0}), 1);
}

TEST_F(Chains, ADefinitionIsUsedAgainOnlyWhenNoLoopHasPathsOfIt) {
  PathTable others(64);
  chains_.use(others);
  const uint16_t before = chains_.definition(1);
  const PathTable::Hop hop{5, 0, 0, 1};
  const uint32_t path = others.intern(before, {&hop, 1});
  EXPECT_EQ(chains_.paths(1), 1U);
  chains_.change(1, {"b", {1}, 0});
  chains_.change(1, {"b", {2}, 0});
  EXPECT_NE(chains_.definition(1), before);
  others.release(path);
  for (int i = 0; i < 8; ++i) others.advance_epoch();
  chains_.change(1, {"b", {3}, 0});
  EXPECT_EQ(chains_.definition(1), before);
}

}  // namespace
}  // namespace roost

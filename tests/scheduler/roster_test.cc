// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/roster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/memory_text.h"

namespace roost {
namespace {

TEST(Roster, ReadsWhatWasPutLast) {
  Roster roster;
  EXPECT_FALSE(roster.put("host 1", {{"pid", 10}}));
  EXPECT_FALSE(roster.put("host 2", {{"pid", 20}}));
  EXPECT_FALSE(roster.put("host 1", {{"pid", 11}}));
  EXPECT_FALSE(roster.erase("host 2"));
  EXPECT_FALSE(roster.erase("host 3"));
  EXPECT_EQ(Roster::read(text_of(roster.fd())), (Roster::Entries{{"host 1", {{"pid", 11}}}}));
}

TEST(Roster, WhatIsTheSameIsNotWrittenAgain) {
  Roster roster;
  EXPECT_FALSE(roster.put("a", 1));
  const std::string text = text_of(roster.fd());
  EXPECT_FALSE(roster.put("a", 1));
  EXPECT_EQ(text_of(roster.fd()), text);
}

// The manager died in the middle of it.
TEST(Roster, HalfALineIsNotRead) {
  Roster roster;
  EXPECT_FALSE(roster.put("a", 1));
  EXPECT_FALSE(roster.put("b", 2));
  std::string text = text_of(roster.fd());
  for (text.pop_back(); text.back() != '\n'; text.pop_back())
    EXPECT_EQ(Roster::read(text), (Roster::Entries{{"a", 1}})) << text;
}

TEST(Roster, NonsenseIsRefused) {
  for (const char* text : {"{\n", "[]\n", "{\"value\":1}\n", "{\"key\":1}\n"})
    EXPECT_THROW(Roster::read(text), Error) << text;
}

TEST(Roster, StaysOfTheSizeOfWhatItHas) {
  Roster roster;
  EXPECT_FALSE(roster.put("a", std::string(1'000, 'x')));
  uint32_t moves = 0;
  for (uint32_t i = 0; i < 20'000; ++i) {
    moves += roster.put("b", std::string(200, static_cast<char>('a' + i % 26)) + std::to_string(i));
    if (i % 2 == 0) moves += roster.erase("b");
  }
  EXPECT_GT(moves, 1U);
  EXPECT_LT(moves, 20U);
  EXPECT_LT(text_of(roster.fd()).size(), size_t{2} << 20);
  const auto entries = Roster::read(text_of(roster.fd()));
  EXPECT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries.at("a"), std::string(1'000, 'x'));
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/figures.h"

namespace roost::cli {
namespace {

Table example() {
  Table table({{"NF", Table::Align::right}, {"SERVICE"}, {"PACKETS", Table::Align::right}, {"MODULE"}});
  table.add({"7", "firewall", "1,234,567", "firewall.so"});
  table.add({"12", "nat", "0", "a-module-with-a-long-name.so"});
  return table;
}

TEST(Table, AlignsTextLeftAndNumbersRight) {
  EXPECT_EQ(example().text(SIZE_MAX),
            "NF  SERVICE     PACKETS  MODULE\n"
            " 7  firewall  1,234,567  firewall.so\n"
            "12  nat               0  a-module-with-a-long-name.so\n");
}

TEST(Table, CutsTheLongestTextsToFit) {
  const std::string text = example().text(40);
  EXPECT_THAT(text, testing::HasSubstr("a-module-with-…\n"));
  EXPECT_THAT(text, testing::HasSubstr("1,234,567"));
}

TEST(Table, LeavesColumnsOutFromTheRightAndSaysWhich) {
  EXPECT_EQ(example().text(18),
            "NF  SERVICE\n"
            " 7  firewall\n"
            "12  nat\n"
            "(too narrow for: PACKETS, MODULE)\n");
}

TEST(Table, KeepsTheFirstColumnHoweverNarrow) { EXPECT_THAT(example().text(1), testing::StartsWith("NF\n 7\n12\n")); }

TEST(Table, FillsMissingCellsAndShowsNoControlCharacters) {
  Table table({{"A"}, {"B"}});
  table.add({"x\033[2Jy\nz"});
  EXPECT_EQ(table.text(SIZE_MAX), "A         B\nx?[2Jy?z\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table({{"NAME"}, {"N", Table::Align::right}});
  table.add({"größe", "1"});
  table.add({"abcde", "2"});
  EXPECT_EQ(table.text(SIZE_MAX), "NAME   N\ngröße  1\nabcde  2\n");
}

TEST(Figures, AreGroupedAndRounded) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
  EXPECT_EQ(rounded(0.126), "0.13");
  EXPECT_EQ(rounded(12.34), "12.3");
  EXPECT_EQ(rounded(1234.5), "1,235");
  EXPECT_EQ(rounded(-1), "-");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(-20 * 1024), "-20.0 KiB");
  EXPECT_EQ(bytes_text(64.0 * (1 << 20)), "64.0 MiB");
}

TEST(Figures, BearFieldsThatAreMissingOrOfAnotherType) {
  const Json answer = {{"n", 7}, {"text", "seven"}, {"list", {1, 2, 3}}, {"negative", -4}, {"none", nullptr}};
  EXPECT_EQ(count_of(answer, "n"), 7U);
  EXPECT_EQ(count_of(answer, "text"), 0U);
  EXPECT_EQ(count_of(answer, "negative"), 0U);
  EXPECT_EQ(count_of(Json("no object"), "n"), 0U);
  EXPECT_EQ(number_of(answer, "missing"), 0.0);
  EXPECT_EQ(text_of(answer, "text"), "seven");
  EXPECT_EQ(text_of(answer, "n"), "7");
  EXPECT_EQ(text_of(answer, "none"), "");
  EXPECT_EQ(sum_of(part_of(answer, "list")), 6U);
  EXPECT_TRUE(part_of(answer, "n").empty());
}

}  // namespace
}  // namespace roost::cli

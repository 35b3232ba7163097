// SPDX-License-Identifier: BSD-3-Clause
#include "core/text.h"

#include <gtest/gtest.h>

#include <array>

namespace roost {
namespace {

constexpr std::array<std::string_view, 4> kWords{"spawn", "stop", "stats", "version"};

TEST(NearestWord, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_word("spwan", kWords), "spawn");
  EXPECT_EQ(nearest_word("sotp", kWords), "stop");
  EXPECT_EQ(nearest_word("stat", kWords), "stats");
  EXPECT_EQ(nearest_word("versions", kWords), "version");
  EXPECT_EQ(nearest_word("stop", kWords), "stop");
}

TEST(NearestWord, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(nearest_word("frobnicate", kWords), "");
  EXPECT_EQ(nearest_word("", kWords), "");
  EXPECT_EQ(nearest_word("stop", {}), "");
}

}  // namespace
}  // namespace roost

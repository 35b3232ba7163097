// SPDX-License-Identifier: BSD-3-Clause
#include "core/settings.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/error.h"

namespace roost {
namespace {

std::string why_not(const std::string& name, uint64_t value) {
  try {
    Settings().set(name, value);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(SettingsTest, EachHasANameOfItsOwnAndASoundStandard) {
  const auto specs = setting_specs();
  ASSERT_EQ(specs.size(), static_cast<size_t>(Setting::count));
  std::set<std::string_view> names;
  const Settings settings;
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto& spec = specs[i];
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_EQ(Settings::find(spec.name), static_cast<Setting>(i));
    EXPECT_LE(spec.least, spec.standard) << spec.name;
    EXPECT_LE(spec.standard, spec.most) << spec.name;
    EXPECT_FALSE(spec.unit.empty());
    EXPECT_FALSE(spec.meaning.empty());
    EXPECT_EQ(settings.get(static_cast<Setting>(i)), spec.standard);
    EXPECT_EQ(why_not(std::string(spec.name), spec.least), "");
    EXPECT_EQ(why_not(std::string(spec.name), spec.most), "");
    EXPECT_NE(why_not(std::string(spec.name), spec.most + 1), "") << spec.name;
    if (spec.least > 0) {
      EXPECT_NE(why_not(std::string(spec.name), spec.least - 1), "") << spec.name;
    }
  }
}

// The table is in the order of the enum: one of each end and of the middle by hand.
TEST(SettingsTest, NamesAndNumbersAgree) {
  EXPECT_EQ(Settings::find("wake_packets"), Setting::wake_packets);
  EXPECT_EQ(Settings::find("awake_max"), Setting::awake_max);
  EXPECT_EQ(Settings::find("rewake_us"), Setting::rewake_us);
  EXPECT_EQ(Settings::find("grant_packets"), Setting::grant_packets);
  EXPECT_EQ(Settings::find("sweep_rows"), Setting::sweep_rows);
}

TEST(SettingsTest, SetsAndRefuses) {
  Settings settings;
  settings.set("burst_packets", 7);
  EXPECT_EQ(settings.get(Setting::burst_packets), 7U);
  EXPECT_THROW(settings.set(Setting::burst_packets, 65), Error);
  EXPECT_EQ(settings.get(Setting::burst_packets), 7U);
  EXPECT_NE(why_not("burst_packets", 65).find("1 to 64 packets"), std::string::npos);
  EXPECT_EQ(why_not("inbox_slots", 0), "");
  EXPECT_EQ(why_not("inbox_slots", 64), "");
  EXPECT_NE(why_not("inbox_slots", 63).find("power of two"), std::string::npos);
  EXPECT_NE(why_not("burst_packet", 1).find("did you mean 'burst_packets'"), std::string::npos);
  EXPECT_NE(why_not("colour", 1).find("roost get"), std::string::npos);
}

TEST(SettingsTest, Problems) {
  EXPECT_FALSE(Settings::problem("spin_us", 0));
  EXPECT_TRUE(Settings::problem("spin_us", -1));
  EXPECT_TRUE(Settings::problem("spin_us", 100'001));
  EXPECT_TRUE(Settings::problem("spin", 1));
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/own_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace roost {
namespace {

std::string why_not(Setting setting, uint64_t value) {
  try {
    OwnSettings().set(setting, value);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(OwnSettings, TheNearestScopeCountsAndTheRestComesFromTheNext) {
  OwnSettings nf, service;
  EXPECT_TRUE(nf.empty());
  service.set(Setting::weight, 300);
  service.set(Setting::spin_us, 0);
  nf.set(Setting::weight, 7);
  const OwnSettings both = nf.over(service);
  EXPECT_EQ(both.get(Setting::weight), 7U);
  EXPECT_EQ(both.get(Setting::spin_us), 0U) << "nought is a value too";
  EXPECT_EQ(both.get(Setting::burst_packets), std::nullopt);
  nf.set(Setting::weight, std::nullopt);
  EXPECT_TRUE(nf.empty());
  EXPECT_EQ(nf.over(service).get(Setting::weight), 300U);
}

TEST(OwnSettings, AreThoseOfTheTableThatSaySo) {
  for (size_t i = 0; i < setting_specs().size(); ++i) {
    const auto& spec = setting_specs()[i];
    EXPECT_EQ(why_not(static_cast<Setting>(i), spec.standard).empty(), spec.by_nf) << spec.name;
  }
}

TEST(OwnSettings, RefuseWhatTheManagerRefuses) {
  EXPECT_THAT(why_not(Setting::weight, 0), testing::HasSubstr("'weight': 0 is out of range; it takes 1 to 1000"));
  EXPECT_THAT(why_not(Setting::weight, 1'001), testing::HasSubstr("out of range"));
  EXPECT_THAT(why_not(Setting::burst_packets, 65), testing::HasSubstr("1 to 64 packets"));
  EXPECT_THAT(why_not(Setting::idle_us, 5), testing::AllOf(testing::HasSubstr("'idle_us' is the manager's alone"),
                                                           testing::HasSubstr("burst_packets, weight")));
}

}  // namespace
}  // namespace roost

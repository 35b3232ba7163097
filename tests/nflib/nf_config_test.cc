// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <roost/config.h>

#include <stdexcept>

namespace roost {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(NfConfig, GivesWhatIsThereAndNothingOtherwise) {
  const Config config(R"({"out": "net1", "cycles": 250, "share": 0.5, "loud": true, "deny": ["a", "b"]})");
  EXPECT_EQ(config.text("out"), "net1");
  EXPECT_EQ(config.number("cycles", 0, 250), 250U);
  EXPECT_EQ(config.real("share", 0, 1), 0.5);
  EXPECT_EQ(config.real("cycles", 0, 1e9), 250);
  EXPECT_EQ(config.flag("loud"), true);
  EXPECT_EQ(config.texts("deny"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(config.has("loud"));
  EXPECT_FALSE(config.has("quiet"));
  EXPECT_EQ(config.text("in"), std::nullopt);
  EXPECT_EQ(config.number("packets", 0, 1), std::nullopt);
  EXPECT_EQ(config.texts("allow"), std::nullopt);
}

TEST(NfConfig, RefusesTheWrongKindAndSaysWhichIsRight) {
  const Config config(R"({"out": 5, "cycles": -1, "packets": 11, "share": "half", "loud": 1, "deny": ["a", 2]})");
  const auto refuses = [](const char* what) { return ThrowsMessage<std::runtime_error>(HasSubstr(what)); };
  EXPECT_THAT([&] { config.text("out"); }, refuses("\"out\" is a text"));
  EXPECT_THAT([&] { config.number("cycles", 0, 9); }, refuses("\"cycles\" is a whole number from 0 to 9"));
  EXPECT_THAT([&] { config.number("packets", 1, 10); }, refuses("\"packets\" is a whole number from 1 to 10"));
  EXPECT_THAT([&] { config.real("share", 0, 1); }, refuses("\"share\" is a number from 0 to 1"));
  EXPECT_THAT([&] { config.flag("loud"); }, refuses("\"loud\" is true or false"));
  EXPECT_THAT([&] { config.texts("deny"); }, refuses("\"deny\" is a list of texts; 2 is none"));
  EXPECT_THAT([] { Config("[]"); }, refuses("no JSON object"));
  EXPECT_THAT([] { Config("{"); }, refuses("no JSON object"));
}

}  // namespace
}  // namespace roost

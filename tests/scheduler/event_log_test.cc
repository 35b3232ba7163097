// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/event_log.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(EventLog, GivesWhatIsBehindANumber) {
  EventLog log;
  EXPECT_EQ(log.since(0, 10), Json({{"events", Json::array()}, {"last", 0}}));
  for (int i = 1; i <= 5; ++i) log.add(EventKind::nf, i % 2 == 0, "e" + std::to_string(i));
  const Json some = log.since(2, 2);
  EXPECT_EQ(some["last"], 5);
  ASSERT_EQ(some["events"].size(), 2U);
  EXPECT_EQ(some["events"][0]["number"], 3);
  EXPECT_EQ(some["events"][1]["text"], "e4");
  EXPECT_EQ(some["events"][1]["kind"], "nf");
  EXPECT_EQ(some["events"][1]["trouble"], true);
  EXPECT_TRUE(log.since(5, 10)["events"].empty());
  EXPECT_TRUE(log.since(UINT64_MAX, 10)["events"].empty());
  EXPECT_EQ(log.troubles(), Json({"e2", "e4"}));
}

TEST(EventLog, ForgetsTheOldestAndNumbersOn) {
  EventLog log;
  const uint64_t count = EventLog::kKept + 17;
  for (uint64_t i = 1; i <= count; ++i) log.add(EventKind::host, true, std::to_string(i));
  const Json all = log.since(0, UINT32_MAX);
  ASSERT_EQ(all["events"].size(), EventLog::kKept);
  EXPECT_EQ(all["events"][0]["number"], 18);
  EXPECT_EQ(all["events"].back()["number"], count);
  EXPECT_EQ(log.since(3, 1)["events"][0]["number"], 18);
  EXPECT_EQ(log.troubles().size(), EventLog::kTroublesShown);
}

}  // namespace
}  // namespace roost

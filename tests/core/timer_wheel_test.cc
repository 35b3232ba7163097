// SPDX-License-Identifier: BSD-3-Clause
#include "core/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace roost {
namespace {

std::vector<uint32_t> advance(TimerWheel& wheel, uint64_t now) {
  std::vector<uint32_t> ids;
  wheel.advance(now, [&](uint32_t id) { ids.push_back(id); });
  return ids;
}

TEST(TimerWheel, ExpiresNeverEarlyAndAtMostOneTickLate) {
  for (const uint64_t start : {0UL, 12'345UL, 0xffff'ffff'ffUL}) {
    for (const uint64_t wait : {1UL, 10UL, 11UL, 630UL, 640UL, 641UL, 40'950UL, 41'000UL, 2'621'440UL, 170'000'000UL}) {
      TimerWheel wheel(10, start);
      wheel.reserve(4);
      wheel.arm(3, start + wait);
      EXPECT_TRUE(wheel.armed(3));
      EXPECT_LE(wheel.next(), start + wait + 10);
      EXPECT_TRUE(advance(wheel, start + wait - 1).empty()) << wait;
      EXPECT_EQ(advance(wheel, start + wait + 10).size(), 1U) << start << ' ' << wait;
      EXPECT_FALSE(wheel.armed(3));
      EXPECT_EQ(wheel.next(), TimerWheel::kNever);
    }
  }
}

TEST(TimerWheel, APastDeadlineExpiresWithTheNextTick) {
  TimerWheel wheel(10, 1'000);
  wheel.reserve(1);
  wheel.arm(0, 5);
  EXPECT_EQ(advance(wheel, 1'010), std::vector<uint32_t>{0});
}

TEST(TimerWheel, MovedAndDisarmed) {
  TimerWheel wheel(1, 0);
  wheel.reserve(3);
  wheel.arm(0, 100);
  wheel.arm(1, 100);
  wheel.arm(2, 100);
  wheel.arm(0, 200);
  wheel.disarm(1);
  wheel.disarm(1);
  EXPECT_EQ(advance(wheel, 150), std::vector<uint32_t>{2});
  EXPECT_EQ(advance(wheel, 250), std::vector<uint32_t>{0});
  EXPECT_EQ(wheel.next(), TimerWheel::kNever);
}

TEST(TimerWheel, ArmsAgainFromInside) {
  TimerWheel wheel(1, 0);
  wheel.reserve(1);
  wheel.arm(0, 10);
  std::vector<uint64_t> times;
  for (uint64_t now = 1; now <= 1'000; ++now)
    wheel.advance(now, [&](uint32_t id) {
      times.push_back(now);
      wheel.arm(id, now + 64);
    });
  ASSERT_EQ(times.size(), 16U);
  for (size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], 10 + 64 * i);
}

TEST(TimerWheel, BeyondItsHorizonAndNever) {
  TimerWheel wheel(1, 77);
  wheel.reserve(2);
  const uint64_t far = 77 + (uint64_t{5} << 24) + 3;
  wheel.arm(0, far);
  wheel.arm(1, TimerWheel::kNever);
  EXPECT_TRUE(advance(wheel, far - 1).empty());
  EXPECT_EQ(advance(wheel, far), std::vector<uint32_t>{0});
  EXPECT_TRUE(wheel.armed(1));
}

TEST(TimerWheel, FuzzAgainstAMap) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    std::mt19937_64 random(seed);
    uint64_t now = random() % 1'000'000;
    TimerWheel wheel(4, now);
    wheel.reserve(64);
    std::map<uint32_t, uint64_t> due;
    for (int step = 0; step < 20'000; ++step) {
      const auto id = static_cast<uint32_t>(random() % 64);
      if (random() % 4 == 0) {
        wheel.disarm(id);
        due.erase(id);
      } else {
        due[id] = now + (random() >> (44 + random() % 20));
        wheel.arm(id, due[id]);
      }
      if (!due.empty()) {
        uint64_t earliest = UINT64_MAX;
        for (const auto& [_, at] : due) earliest = std::min(earliest, at);
        // Its word is for ticks from now on.
        ASSERT_LE(wheel.next(), std::max(earliest, now) + 4);
      }
      const uint64_t before = now;
      now += random() >> (44 + random() % 20);
      wheel.advance(now, [&](uint32_t expired) {
        ASSERT_EQ(due.count(expired), 1U);
        EXPECT_LE(due[expired], now);
        due.erase(expired);
      });
      for (const auto& [left, at] : due) {
        ASSERT_TRUE(wheel.armed(left));
        ASSERT_GT(std::max(at, before) + 4, now) << "late";
      }
    }
  }
}

}  // namespace
}  // namespace roost

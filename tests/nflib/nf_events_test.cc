// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/nf_events.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "nflib/nf_ids.h"

namespace roost {
namespace {

constexpr uint64_t kMs = 1'000;  // the test's clock

class NfEventsTest : public testing::Test {
 protected:
  // All that is due, in order.
  std::vector<NfEvents::Event> all(uint64_t now) {
    std::vector<NfEvents::Event> taken;
    for (;;) {
      auto event = events.take(now, [this](uint32_t nf) { return !away.contains(nf); });
      if (event.nf == UINT32_MAX) return taken;
      taken.push_back(std::move(event));
    }
  }
  size_t count(uint64_t now) { return all(now).size(); }

  NfEvents events{100, kMs, 0};
  std::set<uint32_t> away;  // NFs that cannot be called
};

TEST_F(NfEventsTest, NothingToWaitForAtFirst) {
  EXPECT_EQ(events.next_tsc(), NfEvents::kNever);
  EXPECT_EQ(count(1'000 * kMs), 0u);
}

TEST_F(NfEventsTest, PeriodicTimersOfManyNfsFireTogetherAtMultiplesOfTheirPeriod) {
  std::vector<TimerId> ids;
  for (uint32_t nf = 0; nf < 50; ++nf) ids.push_back(events.every(nf, 100, 7 * kMs + nf * 1'300));
  EXPECT_EQ(count(99 * kMs), 0u);
  for (uint64_t turn = 1; turn <= 40; ++turn) {
    EXPECT_LE(events.next_tsc(), turn * 100 * kMs);
    std::set<uint32_t> fired;
    for (const auto& event : all(turn * 100 * kMs)) {
      EXPECT_EQ(event.timer, ids[event.nf]);
      fired.insert(event.nf);
    }
    EXPECT_EQ(fired.size(), 50u) << turn;
    EXPECT_EQ(count(turn * 100 * kMs + 99 * kMs), 0u) << turn;
  }
}

TEST_F(NfEventsTest, WhatWasMissedIsMadeUpForOnce) {
  events.every(3, 10, 0);
  EXPECT_EQ(count(1'005 * kMs), 1u);
  EXPECT_EQ(count(1'009 * kMs), 0u);
  EXPECT_EQ(count(1'010 * kMs), 1u);
}

TEST_F(NfEventsTest, OneShotFiresOnceAndNeverEarly) {
  const TimerId id = events.after(5, 3, kMs / 2);
  EXPECT_EQ(count(3 * kMs), 0u);
  const auto fired = all(4 * kMs);
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].timer, id);
  EXPECT_EQ(count(100 * kMs), 0u);
  EXPECT_EQ(events.next_tsc(), NfEvents::kNever);
}

TEST_F(NfEventsTest, CancelledOnesDoNotFireEvenIfTheyAreDue) {
  const TimerId first = events.after(1, 1, 0), second = events.after(1, 1, 0), third = events.every(2, 1, 0);
  events.cancel(2, first);  // not its own
  auto event = events.take(5 * kMs, [](uint32_t) { return true; });
  for (const TimerId id : {first, second, third})
    if (id != event.timer) events.cancel(id == third ? 2 : 1, id);
  EXPECT_EQ(count(5 * kMs), 0u);
  const TimerId again = events.after(4, 1, 5 * kMs);  // in the place of one of them
  events.cancel(1, second);
  events.cancel(4, second);  // that one has gone
  const auto fired = all(7 * kMs);
  ASSERT_GE(fired.size(), 1u);
  EXPECT_EQ(std::count_if(fired.begin(), fired.end(), [&](const auto& e) { return e.timer == again; }), 1);
}

TEST_F(NfEventsTest, AnNfThatCannotBeCalledGetsThemLater) {
  events.every(1, 10, 0);
  events.after(2, 10, 0);
  EXPECT_TRUE(events.post(1, "a"));
  EXPECT_TRUE(events.post(1, "b"));
  away = {1};
  EXPECT_EQ(count(35 * kMs), 1u);  // the other's
  EXPECT_EQ(events.next_tsc(), NfEvents::kNever);
  away = {};
  events.resume(1);
  EXPECT_EQ(events.next_tsc(), 0u);
  const auto late = all(36 * kMs);
  ASSERT_EQ(late.size(), 3u);  // the timer once
  EXPECT_EQ(late[1].message, "a");
  EXPECT_EQ(late[2].message, "b");
  EXPECT_EQ(count(40 * kMs), 1u);
}

TEST_F(NfEventsTest, AnNfThatWaitsForAMessageIsRousedByOneAndTakesItItself) {
  EXPECT_FALSE(events.take_own(1, true));
  away = {1};
  EXPECT_TRUE(events.post(1, "a"));
  EXPECT_TRUE(events.post(1, "b"));
  const auto roused = all(0);
  ASSERT_EQ(roused.size(), 1u);
  EXPECT_TRUE(roused[0].rouses);
  away = {};
  events.resume(1);
  EXPECT_EQ(events.take_own(1, false), "a");
  const auto rest = all(0);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].message, "b");
  EXPECT_FALSE(events.take_own(1, true));
  EXPECT_FALSE(events.take_own(1, false));  // waits no longer
  away = {1};
  EXPECT_TRUE(events.post(1, "c"));
  EXPECT_EQ(count(0), 0u);
}

TEST_F(NfEventsTest, MessagesComeInOrderAndNfsTakeTurns) {
  for (const char* text : {"1", "2", "3"})
    for (uint32_t nf : {7u, 9u}) EXPECT_TRUE(events.post(nf, text));
  std::string order;
  for (const auto& event : all(0)) order += std::to_string(event.nf) + event.message + " ";
  EXPECT_EQ(order, "71 91 72 92 73 93 ");
}

TEST_F(NfEventsTest, TooManyOrTooLongAreRefused) {
  for (size_t i = 0; i < kMessagesMax; ++i) EXPECT_TRUE(events.post(0, "x"));
  EXPECT_FALSE(events.post(0, "x"));
  EXPECT_TRUE(events.post(1, std::string(kMessageBytesMax, 'y')));
  EXPECT_FALSE(events.post(1, std::string(kMessageBytesMax + 1, 'y')));
  EXPECT_EQ(count(0), kMessagesMax + 1);
  EXPECT_TRUE(events.post(0, "x"));
}

TEST_F(NfEventsTest, NothingReachesTheNextNfInAPlace) {
  const TimerId old = events.every(1, 1, 0);
  events.after(1, 1, 0);
  EXPECT_TRUE(events.post(1, "for the old one"));
  away = {1};
  EXPECT_EQ(count(5 * kMs), 0u);  // held
  EXPECT_TRUE(events.post(1, "too"));
  events.forget(1);
  away = {};
  events.resume(1);
  EXPECT_EQ(count(10 * kMs), 0u);
  const TimerId next = events.every(1, 1, 10 * kMs);
  EXPECT_NE(next, old);
  EXPECT_TRUE(events.post(1, "for the new one"));
  const auto taken = all(11 * kMs);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].timer, next);
  EXPECT_EQ(taken[1].message, "for the new one");
}

TEST_F(NfEventsTest, TenThousandTimersComeAndGo) {
  NfEvents many(10'000, kMs, 0);
  std::vector<TimerId> ids;
  for (uint32_t nf = 0; nf < 10'000; ++nf) ids.push_back(many.every(nf, 1 + nf % 500, 0));
  for (uint32_t nf = 0; nf < 10'000; nf += 2) many.cancel(nf, ids[nf]);
  std::vector<uint32_t> fired(10'000);
  for (uint64_t ms = 1; ms <= 1'000; ++ms)
    for (;;) {
      const auto event = many.take(ms * kMs, [](uint32_t) { return true; });
      if (event.nf == UINT32_MAX) break;
      ++fired[event.nf];
    }
  for (uint32_t nf = 0; nf < 10'000; ++nf) EXPECT_EQ(fired[nf], nf % 2 == 0 ? 0 : 1'000 / (1 + nf % 500)) << nf;
}

TEST(NfIds, RangesAreSplitAsNfsGo) {
  NfIds ids;
  const auto place_of = [&ids](uint32_t id) {
    uint32_t found = UINT32_MAX;
    ids.find(id, [&found](uint32_t place) {
      found = place;
      return true;
    });
    return found;
  };
  ids.add(100, 10, 5);
  EXPECT_EQ(place_of(100), 5u);
  EXPECT_EQ(place_of(109), 14u);
  EXPECT_EQ(place_of(99), UINT32_MAX);
  EXPECT_EQ(place_of(110), UINT32_MAX);
  ids.remove(103);
  ids.remove(109);
  ids.remove(100);
  for (uint32_t id : {100u, 103u, 109u}) EXPECT_EQ(place_of(id), UINT32_MAX) << id;
  for (uint32_t id : {101u, 102u, 104u, 108u}) EXPECT_EQ(place_of(id), id - 95) << id;
  ids.add(103, 1, 40);  // somebody else has the number now
  EXPECT_EQ(place_of(103), 40u);
  EXPECT_EQ(place_of(104), 9u);
  ids.remove(7);
  EXPECT_FALSE(ids.find(101, [](uint32_t) { return false; }));
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a worker leaves for whoever asks what it did last; and NFs that are there, and get nothing.
#include <gtest/gtest.h>

#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

const auto kNext = [](Burst& burst) {
  for (auto& packet : burst) packet.verdict = next();
};

TEST(BatchLog, HoldsTheLastTurnsInTheirOrder) {
  WorkerFixture fixture(4);
  Lambda nf(kNext);
  fixture.set_path(0, {0});
  for (uint32_t i = 0; i < 4; ++i) fixture.add(i, nf);
  fixture.start();
  const BatchLog& log = fixture.region().worker().batch;
  std::vector<uint32_t> turns;
  const auto pass = [&](uint32_t i) {
    const uint32_t at = i * 7 % 4;
    fixture.deliver(at, i, 0, true);
    ASSERT_TRUE(fixture.collect().has_value());
    turns.push_back(at);
  };
  for (uint32_t i = 0; i < 10; ++i) pass(i);
  fixture.stop();
  ASSERT_EQ(log.next, 10U);
  EXPECT_EQ(log.end, 10U);
  EXPECT_EQ(log.wrapped, 0U);
  EXPECT_EQ(std::vector<uint32_t>(log.nfs, log.nfs + 10), turns);
}

TEST(BatchLog, BeginsAgainAtItsEnd) {
  WorkerFixture fixture(4);
  Lambda nf(kNext);
  fixture.set_path(0, {0});
  for (uint32_t i = 0; i < 4; ++i) fixture.add(i, nf);
  fixture.start();
  const BatchLog& log = fixture.region().worker().batch;
  for (uint32_t i = 0; i < 300; ++i) {
    fixture.deliver(i % 4, i, 0, true);
    ASSERT_TRUE(fixture.collect().has_value());
  }
  fixture.stop();
  EXPECT_GT(log.wrapped, 0U);
  EXPECT_LE(log.wrapped, BatchLog::kKept);
  ASSERT_LE(log.end, BatchLog::kKept);
  ASSERT_EQ(log.next, log.end);
  ASSERT_LT(log.end, log.wrapped);
  for (uint32_t i = 1; i < log.next; ++i) EXPECT_EQ(log.nfs[i], (log.nfs[i - 1] + 1) % 4);
  for (uint32_t i = log.end + 1; i < log.wrapped; ++i) EXPECT_EQ(log.nfs[i], (log.nfs[i - 1] + 1) % 4);
}

TEST(QuarantinedFromTheStart, GetsNothingUntilItIsBroughtBack) {
  WorkerFixture fixture(2);
  std::atomic<uint32_t> seen{0};
  Lambda nf([&](Burst& burst) {
    seen += burst.size();
    kNext(burst);
  });
  fixture.set_path(0, {0});
  fixture.worker().add_nf(0, &nf, true);
  fixture.start();
  fixture.deliver(0, 5, 0, true);
  const auto back = fixture.collect();
  ASSERT_TRUE(back.has_value()) << "its packets go back to the manager";
  EXPECT_EQ(back->handle, 5U);
  EXPECT_EQ(seen, 0U);
  EXPECT_EQ(fixture.worker().bring_back(0, std::chrono::seconds(20)), Worker::Return::done);
  fixture.deliver(0, 6, 0, true);
  ASSERT_TRUE(fixture.collect().has_value());
  EXPECT_EQ(seen, 1U);
  fixture.stop();
}

}  // namespace
}  // namespace roost

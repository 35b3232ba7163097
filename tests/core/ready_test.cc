// SPDX-License-Identifier: BSD-3-Clause
#include "core/ready.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "core/fence.h"

namespace roost {
namespace {

struct Bitmap {
  explicit Bitmap(uint32_t nfs)
      : words(new std::atomic<uint64_t>[ReadyBitmap::words_for(nfs)] {}),
        summaries(new std::atomic<uint64_t>[ReadyBitmap::summaries_for(nfs)] {}),
        producer(words.get(), summaries.get(), ReadyBitmap::summaries_for(nfs)),
        consumer(producer) {}

  std::vector<uint32_t> take(uint32_t room) {
    std::vector<uint32_t> nfs(room);
    nfs.resize(consumer.take(nfs.data(), room));
    return nfs;
  }

  std::unique_ptr<std::atomic<uint64_t>[]> words, summaries;
  ReadyBitmap producer, consumer;
};

TEST(ReadyBitmap, Sizes) {
  EXPECT_EQ(ReadyBitmap::summaries_for(1), 1U);
  EXPECT_EQ(ReadyBitmap::summaries_for(4096), 1U);
  EXPECT_EQ(ReadyBitmap::summaries_for(4097), 2U);
  EXPECT_EQ(ReadyBitmap::words_for(100'000), 1563U);
}

TEST(ReadyBitmap, TakesEachMarkOnce) {
  Bitmap bitmap(10'000);
  EXPECT_FALSE(bitmap.producer.any());
  EXPECT_TRUE(bitmap.take(8).empty());
  std::set<uint32_t> marked = {0, 1, 63, 64, 127, 4095, 4096, 8191, 8192, 9999};
  for (const uint32_t nf : marked) bitmap.producer.mark(nf);
  for (const uint32_t nf : marked) bitmap.producer.mark(nf);
  EXPECT_TRUE(bitmap.consumer.any());
  for (const uint32_t nf : bitmap.take(100)) EXPECT_EQ(marked.erase(nf), 1U) << nf;
  EXPECT_TRUE(marked.empty());
  EXPECT_FALSE(bitmap.consumer.any());
  EXPECT_FALSE(bitmap.consumer.holds_back());
  EXPECT_TRUE(bitmap.take(100).empty());
}

TEST(ReadyBitmap, WhatIsHeldBackIsSaidAndNotForgotten) {
  Bitmap bitmap(128);
  for (uint32_t nf = 0; nf < 128; ++nf) bitmap.producer.mark(nf);
  std::set<uint32_t> taken;
  for (const uint32_t nf : bitmap.take(5)) taken.insert(nf);
  EXPECT_EQ(taken.size(), 5U);
  EXPECT_FALSE(bitmap.consumer.any());  // the shared words are clear already
  EXPECT_TRUE(bitmap.consumer.holds_back());
  while (bitmap.consumer.holds_back())
    for (const uint32_t nf : bitmap.take(7)) EXPECT_TRUE(taken.insert(nf).second) << nf;
  EXPECT_EQ(taken.size(), 128U);
}

// An NF that is marked again and again lets every other have its turn first.
TEST(ReadyBitmap, NobodyWaitsForMoreThanOneRound) {
  Bitmap bitmap(9'000);
  std::vector<uint32_t> busy = {3, 70, 5'000, 8'999};
  for (const uint32_t quiet : {0U, 69U, 4'500U, 8'998U}) {
    for (const uint32_t nf : busy) bitmap.producer.mark(nf);
    bitmap.producer.mark(quiet);
    uint32_t others = 0;
    for (;; ++others) {
      ASSERT_LE(others, 3 * busy.size());
      const auto one = bitmap.take(1);
      ASSERT_EQ(one.size(), 1U);
      if (one[0] == quiet) break;
      bitmap.producer.mark(one[0]);
    }
    while (!bitmap.take(64).empty()) continue;
  }
}

TEST(ReadyBitmap, FuzzAgainstASet) {
  Bitmap bitmap(5'000);
  std::set<uint32_t> marked;
  std::mt19937 random(1);
  for (int step = 0; step < 20'000; ++step) {
    for (uint32_t n = random() % 4; n > 0; --n) {
      const uint32_t nf = random() % 5'000;
      bitmap.producer.mark(nf);
      marked.insert(nf);
    }
    // An NF that is held back may be marked again, and comes twice: then the set has it no more.
    for (const uint32_t nf : bitmap.take(random() % 5)) marked.erase(nf);
  }
  for (auto rest = bitmap.take(64); !rest.empty(); rest = bitmap.take(64))
    for (const uint32_t nf : rest) marked.erase(nf);
  EXPECT_TRUE(marked.empty());
}

// The hand-off as the loop and a worker do it: count up, fence, mark; take, then look at the count. No count is lost.
TEST(ReadyBitmap, TwoThreadsLoseNothing) {
  constexpr uint32_t kNfs = 200, kRounds = 200'000;
  Bitmap bitmap(kNfs);
  std::vector<std::atomic<uint32_t>> published(kNfs);
  std::thread producer([&] {
    std::mt19937 random(2);
    for (uint32_t i = 0; i < kRounds; ++i) {
      const uint32_t nf = random() % kNfs;
      published[nf].store(published[nf].load(std::memory_order_relaxed) + 1, std::memory_order_release);
      full_fence();
      bitmap.producer.mark(nf);
    }
  });
  std::vector<uint32_t> seen(kNfs);
  uint32_t sum = 0;
  uint64_t idle = 0;
  while (sum < kRounds && idle < 20'000'000) {
    uint32_t nfs[16];
    const uint32_t count = bitmap.consumer.take(nfs, 16);
    idle = count == 0 ? idle + 1 : 0;
    if (count == 0) std::this_thread::yield();
    for (uint32_t i = 0; i < count; ++i) {
      full_fence();
      const uint32_t now = published[nfs[i]].load(std::memory_order_acquire);
      sum += now - seen[nfs[i]];
      seen[nfs[i]] = now;
    }
  }
  producer.join();
  EXPECT_EQ(sum, kRounds);
}

}  // namespace
}  // namespace roost

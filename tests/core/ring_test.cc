// SPDX-License-Identifier: BSD-3-Clause
#include "core/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <thread>

namespace roost {
namespace {

class RingTest : public testing::Test {
 protected:
  void make(uint8_t shift, uint32_t start = 0) {
    slots = std::make_unique<RingSlot[]>(size_t{1} << shift);
    consumed = start;
    producer.slots = consumer.slots = slots.get();
    for (RingAccount* end : {static_cast<RingAccount*>(&producer), static_cast<RingAccount*>(&consumer)}) {
      end->consumed = &consumed;
      end->shift = shift;
      end->position = end->seen = start;
    }
  }
  void push(uint32_t handle) { producer.push({handle, 0, 0, 0, 0, 0}); }
  uint32_t pop() {
    Descriptor d;
    return consumer.pop(d) ? d.handle : UINT32_MAX;
  }

  std::unique_ptr<RingSlot[]> slots;
  std::atomic<uint32_t> consumed{0};
  RingProducer producer;
  RingConsumer consumer;
};

TEST_F(RingTest, CarriesEveryBitOfADescriptor) {
  make(2);
  const Descriptor sent{0xfedcba, 0xffe, 0x801, 0x89abcdef, 0xabcd, 0xa, 0xedcba};
  producer.push(sent);
  Descriptor got;
  ASSERT_TRUE(consumer.pop(got));
  EXPECT_EQ(got.handle, sent.handle);
  EXPECT_EQ(got.data_offset, sent.data_offset);
  EXPECT_EQ(got.data_bytes, sent.data_bytes);
  EXPECT_EQ(got.word, sent.word);
  EXPECT_EQ(got.port, sent.port);
  EXPECT_EQ(got.flags, sent.flags);
  EXPECT_EQ(got.nf, sent.nf);
  EXPECT_FALSE(consumer.pop(got));
}

TEST_F(RingTest, EmptyAndFull) {
  make(3);
  EXPECT_TRUE(consumer.empty());
  EXPECT_EQ(producer.room(), 8U);
  for (uint32_t i = 0; i < 8; ++i) push(i);
  EXPECT_EQ(producer.room(), 0U);
  EXPECT_TRUE(producer.refresh());
  EXPECT_EQ(producer.room(), 0U);
  EXPECT_FALSE(consumer.empty());
  EXPECT_EQ(pop(), 0U);
  consumer.publish();  // less than a quarter: not told yet
  EXPECT_TRUE(producer.refresh());
  EXPECT_EQ(producer.room(), 0U);
  EXPECT_EQ(pop(), 1U);
  consumer.publish();
  EXPECT_TRUE(producer.refresh());
  EXPECT_EQ(producer.room(), 2U);
  EXPECT_EQ(pop(), 2U);
  consumer.publish(true);
  EXPECT_TRUE(producer.refresh());
  EXPECT_EQ(producer.room(), 3U);
  for (uint32_t i = 3; i < 8; ++i) EXPECT_EQ(pop(), i);
  EXPECT_TRUE(consumer.empty());
}

// Laps count to 255 and cursors to 2^32: both wrap in the middle of use.
TEST_F(RingTest, GoesRoundAcrossEveryWrap) {
  for (const uint32_t start : {0U, 1000U, 0xffffff00U, 0xfffffe01U}) {
    make(2, start);
    std::mt19937 random(start);
    uint32_t in = 0, out = 0;
    while (out < 5000) {
      for (uint32_t n = random() % 5; n > 0; --n) {
        ASSERT_TRUE(producer.refresh());
        if (producer.room() == 0) break;
        push(in++);
      }
      for (uint32_t n = random() % 5; n > 0 && out < in; --n) ASSERT_EQ(pop(), out++);
      consumer.publish(random() % 2 == 0);
      ASSERT_EQ(consumer.empty(), in == out);
    }
  }
}

TEST_F(RingTest, ACursorThatNoHonestConsumerWritesChangesNothing) {
  make(3);
  for (uint32_t i = 0; i < 6; ++i) push(i);
  for (int i = 0; i < 4; ++i) pop();
  consumer.publish(true);
  ASSERT_TRUE(producer.refresh());
  EXPECT_EQ(producer.room(), 6U);
  for (const uint32_t cursor : {0U, 3U, 7U, 8U, 1000U, 0x80000000U, UINT32_MAX}) {
    consumed = cursor;
    EXPECT_FALSE(producer.refresh()) << cursor;
    EXPECT_EQ(producer.room(), 6U);
  }
  for (const uint32_t cursor : {4U, 5U, 6U}) {
    consumed = cursor;
    EXPECT_TRUE(producer.refresh()) << cursor;
  }
  EXPECT_EQ(producer.room(), 8U);
}

TEST_F(RingTest, WhatIsStagedIsSeenAtOnce) {
  make(3, 6);  // over the end of a lap
  for (uint32_t handle = 1; handle <= 4; ++handle) producer.stage({handle, 0, 0, 0, 0, 0});
  EXPECT_TRUE(consumer.empty());
  EXPECT_EQ(pop(), UINT32_MAX);
  EXPECT_EQ(producer.room(), 4U);
  producer.publish();
  producer.publish();  // nothing more
  for (uint32_t handle = 1; handle <= 4; ++handle) EXPECT_EQ(pop(), handle);
  EXPECT_TRUE(consumer.empty());
}

TEST_F(RingTest, ValuesThatAreTooLargeBecomeTheLargest) {
  make(2);
  producer.push({UINT32_MAX, 60'000, 5'000, UINT32_MAX, UINT16_MAX, Descriptor::kLastHop, Descriptor::kNfsMost - 1});
  Descriptor d;
  ASSERT_TRUE(consumer.pop(d));
  EXPECT_EQ(d.handle, Descriptor::kHandleMost);
  EXPECT_EQ(d.data_offset, Descriptor::kBytesMost);
  EXPECT_EQ(d.data_bytes, Descriptor::kBytesMost);
  EXPECT_EQ(d.word, UINT32_MAX);
  EXPECT_EQ(d.port, UINT16_MAX);
  EXPECT_EQ(d.flags, Descriptor::kLastHop);
  EXPECT_EQ(d.nf, Descriptor::kNfsMost - 1);
}

// Whatever is in the slots, a consumer reads at most one lap of them before it must wait for the next.
TEST_F(RingTest, NoiseInTheSlotsEndsAfterOneLap) {
  make(4);
  std::mt19937_64 random(3);
  for (int round = 0; round < 1000; ++round) {
    for (uint32_t i = 0; i < 16; ++i) {
      slots[i].packet = random();
      slots[i].tagged = random() % 2 == 0 ? random() : (random() >> 8 | consumer.lap() << 56);
    }
    const uint32_t before = consumer.position;
    Descriptor d;
    while (consumer.pop(d)) ASSERT_LE(consumer.position - before, 32U);
  }
}

TEST_F(RingTest, TwoThreads) {
  make(5);
  constexpr uint32_t kCount = 200'000;
  std::thread other([this] {
    for (uint32_t i = 0; i < kCount;) {
      if (producer.room() == 0 && (!producer.refresh() || producer.room() == 0)) {
        std::this_thread::yield();
        continue;
      }
      producer.push({i, static_cast<uint16_t>(i & 0xfff), static_cast<uint16_t>(i >> 1 & 0xfff), ~i,
                     static_cast<uint16_t>(i >> 3), static_cast<uint8_t>(i & 0xf), i & 0xfffff});
      ++i;
    }
  });
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < kCount;) {
    Descriptor d;
    if (!consumer.pop(d)) {
      consumer.publish(true);
      std::this_thread::yield();
      continue;
    }
    wrong += d.handle != i || d.data_offset != (i & 0xfff) || d.data_bytes != (i >> 1 & 0xfff) || d.word != ~i ||
             d.port != static_cast<uint16_t>(i >> 3) || d.flags != (i & 0xf) || d.nf != (i & 0xfffff);
    ++i;
    consumer.publish();
  }
  other.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(consumer.empty());
}

}  // namespace
}  // namespace roost

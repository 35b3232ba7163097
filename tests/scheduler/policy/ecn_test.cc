// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/ecn.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace roost {
namespace {

using Bytes = std::vector<uint8_t>;

void append(Bytes& to, std::initializer_list<uint8_t> bytes) { to.insert(to.end(), bytes); }

uint16_t sum_of(const uint8_t* header, uint32_t bytes) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < bytes; i += 2) sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

Bytes link(uint32_t tags, uint16_t type) {
  Bytes frame(12, 0x11);
  for (uint32_t i = 0; i < tags; ++i)
    append(frame, {static_cast<uint8_t>(i == 0 && tags == 2 ? 0x88 : 0x81),
                   static_cast<uint8_t>(i == 0 && tags == 2 ? 0xa8 : 0x00), 0, 7});
  append(frame, {static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)});
  return frame;
}

// With a sound checksum; `salt` varies the rest.
Bytes ipv4(uint8_t tos, uint32_t tags = 0, uint32_t salt = 0) {
  Bytes frame = link(tags, 0x0800);
  const size_t at = frame.size();
  append(frame, {0x45,
                 tos,
                 0,
                 40,
                 static_cast<uint8_t>(salt),
                 static_cast<uint8_t>(salt >> 8),
                 0x40,
                 0,
                 64,
                 6,
                 0,
                 0,
                 10,
                 static_cast<uint8_t>(salt >> 16),
                 0,
                 1,
                 10,
                 0,
                 static_cast<uint8_t>(salt >> 24),
                 2});
  const uint16_t sum = sum_of(frame.data() + at, 20);
  frame[at + 10] = static_cast<uint8_t>(sum >> 8);
  frame[at + 11] = static_cast<uint8_t>(sum);
  frame.resize(at + 40);
  return frame;
}

Bytes ipv6(uint8_t traffic_class, uint32_t tags = 0) {
  Bytes frame = link(tags, 0x86dd);
  append(frame, {static_cast<uint8_t>(0x60 | traffic_class >> 4), static_cast<uint8_t>(traffic_class << 4 | 0x5), 0xab,
                 0xcd, 0, 20, 6, 64});
  frame.resize(frame.size() + 32 + 20);
  return frame;
}

bool mark(Bytes& frame) { return mark_congestion(frame.data(), static_cast<uint32_t>(frame.size())); }

TEST(Ecn, Ipv4IsMarkedAndItsChecksumHolds) {
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const auto dscp = static_cast<uint8_t>(random() & 0xfc);
    for (const uint8_t ect : {1, 2})
      for (uint32_t tags = 0; tags <= 2; ++tags) {
        Bytes frame = ipv4(dscp | ect, tags, random());
        const Bytes before = frame;
        ASSERT_TRUE(mark(frame));
        const size_t at = 14 + 4 * tags;
        ASSERT_EQ(frame[at + 1], dscp | 3);
        ASSERT_EQ(sum_of(frame.data() + at, 20), 0) << "tags " << tags;
        frame[at + 1] = before[at + 1];
        frame[at + 10] = before[at + 10];
        frame[at + 11] = before[at + 11];
        ASSERT_EQ(frame, before) << "nothing else changes";
      }
  }
}

// The example of RFC 1624, section 4: where the older equation gives 0xffff.
TEST(Ecn, TheChecksumOfRfc1624) { EXPECT_EQ(checksum_after(0xdd2f, 0x5555, 0x3285), 0x0000); }

TEST(Ecn, Ipv6IsMarked) {
  for (uint32_t tags = 0; tags <= 2; ++tags)
    for (const uint8_t ect : {1, 2}) {
      Bytes frame = ipv6(static_cast<uint8_t>(0xb8 | ect), tags);
      const Bytes expected = ipv6(0xbb, tags);
      ASSERT_TRUE(mark(frame));
      EXPECT_EQ(frame, expected);
    }
}

TEST(Ecn, WhatIsNotCapableOrMarkedAlreadyStays) {
  for (const uint8_t ecn : {0, 3}) {
    for (Bytes frame : {ipv4(static_cast<uint8_t>(0x48 | ecn)), ipv6(static_cast<uint8_t>(0x48 | ecn))}) {
      const Bytes before = frame;
      EXPECT_FALSE(mark(frame));
      EXPECT_EQ(frame, before);
    }
  }
}

TEST(Ecn, WhatIsNotIpStays) {
  Bytes arp = ipv4(2), third_tag = ipv4(2, 2), wrong_version = ipv4(2), wrong_six = ipv6(2);
  arp[13] = 0x06;
  third_tag.insert(third_tag.begin() + 12, {0x81, 0x00, 0, 1});
  wrong_version[14] = 0x65;
  wrong_six[14] = 0x40;
  for (Bytes* frame : {&arp, &third_tag, &wrong_version, &wrong_six}) {
    const Bytes before = *frame;
    EXPECT_FALSE(mark(*frame));
    EXPECT_EQ(*frame, before);
  }
}

// In buffers of exactly that length, so that the address sanitizer sees a read behind the end.
TEST(Ecn, WhatIsCutShortStays) {
  for (uint32_t tags = 0; tags <= 2; ++tags)
    for (const bool six : {false, true}) {
      const Bytes whole = six ? ipv6(2, tags) : ipv4(2, tags);
      const size_t needed = 14 + 4 * tags + (six ? 40 : 20);
      for (size_t bytes = 0; bytes <= needed; ++bytes) {
        Bytes frame(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
        frame.shrink_to_fit();
        EXPECT_EQ(mark(frame), bytes == needed) << bytes;
      }
    }
}

}  // namespace
}  // namespace roost

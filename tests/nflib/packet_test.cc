// SPDX-License-Identifier: BSD-3-Clause
// What an NF sees of a packet: headers that are there, and none that are not.
#include <gtest/gtest.h>
#include <roost/nf.h>

#include <array>

namespace roost {
namespace {

struct Eight {
  std::array<uint8_t, 8> bytes;
};

Packet of(rte_mbuf& view, std::array<uint8_t, 64>& data, uint16_t bytes) {
  view.buf_addr = data.data();
  view.data_off = 0;
  view.data_len = bytes;
  view.pkt_len = bytes;
  return Packet(&view);
}

TEST(Packet, AHeaderIsThereWhenAllOfItIs) {
  rte_mbuf view{};
  std::array<uint8_t, 64> data{};
  for (uint16_t bytes = 0; bytes <= 64; ++bytes) {
    const Packet packet = of(view, data, bytes);
    for (size_t offset = 0; offset <= 70; ++offset)
      EXPECT_EQ(packet.header<Eight>(offset) != nullptr, offset + 8 <= bytes) << offset << " of " << bytes;
  }
}

// Offsets that an NF has reckoned from a packet's own lengths, and wrongly.
TEST(Packet, NoOffsetIsTooLarge) {
  rte_mbuf view{};
  std::array<uint8_t, 64> data{};
  const Packet packet = of(view, data, 64);
  for (const size_t offset : {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 8, SIZE_MAX / 2, size_t{UINT32_MAX}})
    EXPECT_EQ(packet.header<Eight>(offset), nullptr) << offset;
}

// A header that begins in the first segment and ends in the next one is not to be had in one piece.
TEST(Packet, AHeaderIsInTheFirstSegmentOrNowhere) {
  rte_mbuf first{}, second{};
  std::array<uint8_t, 64> data{};
  Packet packet = of(first, data, 12);
  second = first;
  first.next = &second;
  first.pkt_len = 24;
  first.nb_segs = 2;
  EXPECT_NE(packet.header<Eight>(4), nullptr);
  EXPECT_EQ(packet.header<Eight>(8), nullptr);
  EXPECT_EQ(packet.bytes_total(), 24U);
}

}  // namespace
}  // namespace roost

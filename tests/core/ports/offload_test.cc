// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/offload.h"

#include <gtest/gtest.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace roost {
namespace {

using Bytes = std::vector<uint8_t>;

struct Shape {
  bool wide = false, tcp = true;
  int tags = 0;
  uint32_t payload = 4'000, gso_size = 1'448, tcp_options = 12;
  uint32_t ip_at() const { return 14U + 4U * static_cast<uint32_t>(tags); }
  uint32_t transport_at() const { return ip_at() + (wide ? 40U : 20U); }
  uint32_t header_bytes() const { return transport_at() + (tcp ? 20U + tcp_options : 8U); }
};

// As a virtual peer hands it over: one packet, the checksum begun at most.
Bytes big_frame(const Shape& shape) {
  Bytes frame(shape.header_bytes() + shape.payload);
  std::mt19937 random(7);
  for (auto& byte : frame) byte = static_cast<uint8_t>(random());
  uint32_t at = 12;
  for (int tag = 0; tag < shape.tags; ++tag, at += 4) {
    frame[at] = tag == 0 && shape.tags == 2 ? 0x88 : 0x81;
    frame[at + 1] = tag == 0 && shape.tags == 2 ? 0xa8 : 0x00;
  }
  frame[at] = shape.wide ? 0x86 : 0x08;
  frame[at + 1] = shape.wide ? 0xdd : 0x00;
  if (shape.wide) {
    auto* const ip = reinterpret_cast<rte_ipv6_hdr*>(&frame[shape.ip_at()]);
    ip->vtc_flow = rte_cpu_to_be_32(0x60000000);
    ip->proto = shape.tcp ? IPPROTO_TCP : IPPROTO_UDP;
  } else {
    auto* const ip = reinterpret_cast<rte_ipv4_hdr*>(&frame[shape.ip_at()]);
    ip->version_ihl = 0x45;
    ip->fragment_offset = 0;
    ip->packet_id = rte_cpu_to_be_16(65'535);
    ip->next_proto_id = shape.tcp ? IPPROTO_TCP : IPPROTO_UDP;
  }
  if (shape.tcp) {
    auto* const tcp = reinterpret_cast<rte_tcp_hdr*>(&frame[shape.transport_at()]);
    tcp->data_off = static_cast<uint8_t>((20 + shape.tcp_options) / 4 << 4);
    tcp->tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_CWR_FLAG;
    tcp->sent_seq = rte_cpu_to_be_32(UINT32_MAX - 100);
  }
  return frame;
}

OffloadHeader header_for(const Shape& shape) {
  OffloadHeader header{};
  header.flags = kChecksumIsBegun;
  header.kind = !shape.tcp ? kUdpSegments : shape.wide ? kTcp6Segments : kTcp4Segments;
  header.segment_bytes = static_cast<uint16_t>(shape.gso_size);
  header.checksum_start = static_cast<uint16_t>(shape.transport_at());
  header.checksum_offset = shape.tcp ? 16 : 6;
  return header;
}

std::vector<Bytes> cut_all(const Bytes& frame, const OffloadHeader& header) {
  SegmentCutter cutter;
  std::vector<Bytes> all;
  EXPECT_TRUE(cutter.begin(frame.data(), static_cast<uint32_t>(frame.size()), header));
  while (!cutter.done()) {
    Bytes segment(cutter.segment_bytes());
    cutter.cut(segment.data());
    all.push_back(segment);
  }
  return all;
}

// RFC 1071, word by word: 0xffff where the checksum within is right.
uint32_t sum_of(const uint8_t* bytes, size_t count, uint32_t sum = 0) {
  for (size_t i = 0; i < count; ++i) sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// Of the transport header and what is behind it, with the pseudo header.
uint32_t transport_sum(const Shape& shape, const Bytes& frame) {
  const auto bytes = static_cast<uint32_t>(frame.size() - shape.transport_at());
  const uint32_t sum = sum_of(&frame[shape.ip_at() + (shape.wide ? 8 : 12)], shape.wide ? 32 : 8,
                              bytes + (shape.tcp ? IPPROTO_TCP : IPPROTO_UDP));
  return sum_of(&frame[shape.transport_at()], bytes, sum);
}

void expect_right_checksums(const Shape& shape, const Bytes& segment) {
  if (shape.wide) {
    const auto* const ip = reinterpret_cast<const rte_ipv6_hdr*>(&segment[shape.ip_at()]);
    EXPECT_EQ(rte_be_to_cpu_16(ip->payload_len), segment.size() - shape.transport_at());
  } else {
    const auto* const ip = reinterpret_cast<const rte_ipv4_hdr*>(&segment[shape.ip_at()]);
    EXPECT_EQ(rte_be_to_cpu_16(ip->total_length), segment.size() - shape.ip_at());
    EXPECT_EQ(sum_of(&segment[shape.ip_at()], 20), 0xffffU);
  }
  EXPECT_EQ(transport_sum(shape, segment), 0xffffU);
}

class Cuts : public testing::TestWithParam<Shape> {};

TEST_P(Cuts, IntoWhatAWireCarries) {
  const Shape shape = GetParam();
  const Bytes frame = big_frame(shape);
  const auto segments = cut_all(frame, header_for(shape));
  ASSERT_EQ(segments.size(), (shape.payload + shape.gso_size - 1) / shape.gso_size);
  Bytes payload;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Bytes& segment = segments[i];
    expect_right_checksums(shape, segment);
    EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + shape.ip_at(), segment.begin()));
    const bool last = i + 1 == segments.size();
    if (!last) {
      EXPECT_EQ(segment.size(), shape.header_bytes() + shape.gso_size);
    }
    if (shape.tcp) {
      const auto* const tcp = reinterpret_cast<const rte_tcp_hdr*>(&segment[shape.transport_at()]);
      EXPECT_EQ(rte_be_to_cpu_32(tcp->sent_seq), UINT32_MAX - 100 + static_cast<uint32_t>(payload.size()));
      EXPECT_EQ((tcp->tcp_flags & RTE_TCP_CWR_FLAG) != 0, i == 0);
      EXPECT_EQ((tcp->tcp_flags & RTE_TCP_FIN_FLAG) != 0, last);
      EXPECT_EQ((tcp->tcp_flags & RTE_TCP_PSH_FLAG) != 0, last);
      EXPECT_NE(tcp->tcp_flags & RTE_TCP_ACK_FLAG, 0);
    } else {
      const auto* const udp = reinterpret_cast<const rte_udp_hdr*>(&segment[shape.transport_at()]);
      EXPECT_EQ(rte_be_to_cpu_16(udp->dgram_len), segment.size() - shape.transport_at());
    }
    if (!shape.wide) {
      const auto* const ip = reinterpret_cast<const rte_ipv4_hdr*>(&segment[shape.ip_at()]);
      EXPECT_EQ(rte_be_to_cpu_16(ip->packet_id), static_cast<uint16_t>(65'535 + i));
    }
    payload.insert(payload.end(), segment.begin() + shape.header_bytes(), segment.end());
  }
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), frame.begin() + shape.header_bytes(), frame.end()));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Cuts,
                         testing::Values(Shape{}, Shape{.wide = true}, Shape{.tcp = false},
                                         Shape{.wide = true, .tcp = false}, Shape{.tags = 1},
                                         Shape{.wide = true, .tags = 2}, Shape{.payload = 1}, Shape{.payload = 1'448},
                                         Shape{.payload = 65'000, .gso_size = 536, .tcp_options = 0},
                                         Shape{.payload = 60'000, .gso_size = 8'948},
                                         Shape{.payload = 333, .gso_size = 1}));

TEST(Cutter, RefusesWhatIsNotWhatItsHeaderSays) {
  const auto refuses = [](const Shape& shape, auto change) {
    Bytes frame = big_frame(shape);
    OffloadHeader header = header_for(shape);
    change(frame, header);
    SegmentCutter cutter;
    const bool begun = cutter.begin(frame.data(), static_cast<uint32_t>(frame.size()), header);
    EXPECT_EQ(begun, !cutter.done());
    return !begun;
  };
  const Shape plain, wide{.wide = true}, udp{.tcp = false};
  EXPECT_FALSE(refuses(plain, [](Bytes&, OffloadHeader&) {}));
  EXPECT_TRUE(refuses(plain, [](Bytes&, OffloadHeader& header) { header.segment_bytes = 0; }));
  EXPECT_TRUE(refuses(plain, [](Bytes&, OffloadHeader& header) { header.kind = kTcp6Segments; }));
  EXPECT_TRUE(refuses(plain, [](Bytes&, OffloadHeader& header) { header.kind = 3; }));
  EXPECT_TRUE(refuses(plain, [](Bytes&, OffloadHeader& header) { header.kind = kUdpSegments; }));
  EXPECT_TRUE(refuses(plain, [](Bytes&, OffloadHeader& header) { ++header.checksum_start; }));  // a tunnel
  EXPECT_TRUE(refuses(plain, [](Bytes& frame, OffloadHeader&) { frame[14] = 0x4f; }));          // not where it says
  EXPECT_TRUE(refuses(plain, [](Bytes& frame, OffloadHeader&) { frame[14] = 0x44; }));          // too short a header
  EXPECT_TRUE(refuses(plain, [](Bytes& frame, OffloadHeader&) { frame[34 + 12] = 0x40; }));     // likewise, of TCP
  EXPECT_TRUE(refuses(plain, [](Bytes& frame, OffloadHeader&) { frame[12] = 0x12; }));          // no IP
  EXPECT_TRUE(refuses(wide, [](Bytes& frame, OffloadHeader&) { frame[14 + 6] = 0; }));          // hop-by-hop options
  EXPECT_TRUE(refuses(plain, [](Bytes& frame, OffloadHeader&) { frame.resize(66); }));          // no payload
  EXPECT_TRUE(refuses({.tags = 2}, [](Bytes& frame, OffloadHeader&) { frame[20] = 0x81, frame[21] = 0; }));
  EXPECT_TRUE(refuses({.payload = 60'000}, [](Bytes&, OffloadHeader& header) { header.segment_bytes = 65'500; }));
  for (const Shape& shape : {plain, wide, udp, Shape{.tags = 2}})
    for (uint32_t bytes = 0; bytes <= shape.header_bytes(); ++bytes)
      EXPECT_TRUE(refuses(shape, [&](Bytes& frame, OffloadHeader&) { frame.resize(bytes), frame.shrink_to_fit(); }));
}

// Whatever comes, it ends, and nothing beyond the frame or the segment is touched (the sanitizers look).
TEST(Cutter, RandomHeaders) {
  std::mt19937 random(1);
  uint32_t begun = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Shape shape{.wide = random() % 2 == 0,
                      .tcp = random() % 2 == 0,
                      .tags = static_cast<int>(random() % 3),
                      .payload = static_cast<uint32_t>(random() % 3'000)};
    Bytes frame = big_frame(shape);
    OffloadHeader header = header_for(shape);
    header.segment_bytes = static_cast<uint16_t>(random() % 4 == 0 ? random() : 1 + random() % 2'000);
    for (uint32_t change = random() % 3; change > 0; --change)
      frame[random() % std::min<size_t>(frame.size(), 80)] = static_cast<uint8_t>(random());
    frame.resize(random() % 3 == 0 ? random() % (frame.size() + 1) : frame.size());
    frame.shrink_to_fit();
    SegmentCutter cutter;
    if (!cutter.begin(frame.data(), static_cast<uint32_t>(frame.size()), header)) continue;
    ++begun;
    while (!cutter.done()) {
      Bytes segment(cutter.segment_bytes());
      cutter.cut(segment.data());
    }
  }
  EXPECT_GT(begun, 1'000U);
}

TEST(FinishChecksum, AsTheSenderWouldHave) {
  const Shape shape{.wide = false, .tcp = false, .payload = 301};
  Bytes frame = big_frame(shape);
  auto* const ip = reinterpret_cast<rte_ipv4_hdr*>(&frame[14]);
  auto* const udp = reinterpret_cast<rte_udp_hdr*>(&frame[34]);
  ip->total_length = rte_cpu_to_be_16(static_cast<uint16_t>(frame.size() - 14));
  udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, 0);
  const auto bytes = static_cast<uint32_t>(frame.size());
  ASSERT_TRUE(finish_checksum(frame.data(), bytes, 34, 6));
  EXPECT_EQ(transport_sum(shape, frame), 0xffffU);

  const Bytes before = frame;
  EXPECT_FALSE(finish_checksum(frame.data(), bytes, bytes, 0));
  EXPECT_FALSE(finish_checksum(frame.data(), bytes, bytes - 1, 0));
  EXPECT_FALSE(finish_checksum(frame.data(), bytes, 34, bytes - 34 - 1));
  EXPECT_FALSE(finish_checksum(frame.data(), bytes, 65'535, 65'535));
  EXPECT_FALSE(finish_checksum(frame.data(), 0, 0, 0));
  EXPECT_FALSE(finish_checksum(frame.data(), bytes, 35, 6));
  EXPECT_EQ(frame, before);
  EXPECT_TRUE(finish_checksum(frame.data(), bytes, 34, bytes - 34 - 2));
}

// Frames as senders leave them, each kind: begun ones are found, finished ones and fragments are not.
TEST(BegunChecksum, IsFoundByWhatItHolds) {
  for (const bool wide : {false, true})
    for (const bool tcp : {false, true})
      for (const int tags : {0, 1, 2}) {
        const Shape shape{.wide = wide, .tcp = tcp, .tags = tags, .payload = 301};
        SCOPED_TRACE(testing::Message() << wide << tcp << tags);
        Bytes frame = big_frame(shape);
        const auto bytes = static_cast<uint32_t>(frame.size());
        auto* const ip4 = reinterpret_cast<rte_ipv4_hdr*>(&frame[shape.ip_at()]);
        auto* const ip6 = reinterpret_cast<rte_ipv6_hdr*>(&frame[shape.ip_at()]);
        const auto length = static_cast<uint16_t>(bytes - (wide ? shape.transport_at() : shape.ip_at()));
        (wide ? ip6->payload_len : ip4->total_length) = rte_cpu_to_be_16(length);
        const uint16_t begun = wide ? rte_ipv6_phdr_cksum(ip6, 0) : rte_ipv4_phdr_cksum(ip4, 0);
        std::memcpy(&frame[shape.transport_at() + (tcp ? 16 : 6)], &begun, sizeof begun);
        OffloadHeader header{};
        ASSERT_TRUE(find_begun_checksum(frame.data(), bytes, header));
        EXPECT_EQ(header.checksum_start, shape.transport_at());
        ASSERT_TRUE(finish_checksum(frame.data(), bytes, header.checksum_start, header.checksum_offset));
        EXPECT_EQ(transport_sum(shape, frame), 0xffffU);
        EXPECT_FALSE(find_begun_checksum(frame.data(), bytes, header));
        for (uint32_t cut = 0; cut < shape.header_bytes(); ++cut) {
          const Bytes part(frame.begin(), frame.begin() + cut);  // for the address sanitizer
          find_begun_checksum(part.data(), cut, header);
        }
        if (wide) continue;
        std::memcpy(&frame[shape.transport_at() + (tcp ? 16 : 6)], &begun, sizeof begun);
        ip4->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
        EXPECT_FALSE(find_begun_checksum(frame.data(), bytes, header));
      }
}

TEST(FinishChecksum, NeverSaysThatThereIsNone) {
  Bytes frame(14 + 8, 0);
  frame[16] = 0xff;
  frame[17] = 0xff;
  ASSERT_TRUE(finish_checksum(frame.data(), 22, 14, 6));
  EXPECT_EQ(frame[20], 0xff);
  EXPECT_EQ(frame[21], 0xff);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/packet_fields.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "core/rules/flow_classes.h"

namespace roost::packet_fields_test {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kMacs = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
const Bytes kIcmpEcho = {8, 0, 0, 0, 0x12, 0x34, 0, 1};

Bytes ipv4(uint8_t protocol, uint8_t tos, uint16_t fragment = 0) {
  return {0x45,
          tos,
          0,
          28,
          0,
          9,
          static_cast<uint8_t>(fragment >> 8),
          static_cast<uint8_t>(fragment),
          64,
          protocol,
          0,
          0,
          10,
          0,
          0,
          1,
          10,
          0,
          0,
          2};
}
Bytes ipv6(uint8_t next, uint8_t dscp, uint8_t payload) {
  Bytes header = {static_cast<uint8_t>(0x60 | dscp >> 2), static_cast<uint8_t>(dscp << 6), 0, 0, 0, payload, next, 64};
  for (uint8_t i = 0; i < 32; ++i) header.push_back(i);
  return header;
}

// From memory of exactly that size, so that the address sanitizer sees a read too many.
PacketFields fields(const Bytes& frame, uint16_t port = 3) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
  std::copy(frame.begin(), frame.end(), exact.get());
  const auto length = static_cast<uint32_t>(frame.size());
  return fields_of(exact.get(), length, flow_key(exact.get(), length, port));
}

TEST(PacketFields, AllOfAnIpv4Packet) {
  const PacketFields all =
      fields(kMacs + Bytes{0x81, 0, 0xa0, 7, 8, 0} + ipv4(17, 0xb9) + Bytes{0, 80, 0, 81, 0, 8, 0, 0});
  EXPECT_EQ(all.in_port, 3);
  EXPECT_EQ(all.vlan, 0xb007);  // priority 5, tagged, 7
  EXPECT_EQ(all.kind, PacketFields::kIp | PacketFields::kIpv4);
  EXPECT_EQ(all.dscp, 46);
  EXPECT_EQ(all.eth_destination[5], 2);
  EXPECT_EQ(all.eth_source[5], 1);
  EXPECT_EQ(all.eth_type, htons(0x0800));
  EXPECT_EQ(all.source[0], 10);
  EXPECT_EQ(all.source[3], 1);
  EXPECT_EQ(all.destination[3], 2);
  EXPECT_EQ(all.source_port, htons(80));
  EXPECT_EQ(all.destination_port, htons(81));
  EXPECT_EQ(all.protocol, 17);
  EXPECT_EQ(all.icmp_type, 0);
}

TEST(PacketFields, Icmp) {
  const PacketFields echo = fields(kMacs + Bytes{8, 0} + ipv4(1, 0) + kIcmpEcho);
  EXPECT_TRUE(echo.kind & PacketFields::kIcmp);
  EXPECT_EQ(echo.icmp_type, 8);
  const PacketFields fragment = fields(kMacs + Bytes{8, 0} + ipv4(1, 0, 0x2000) + kIcmpEcho);
  EXPECT_FALSE(fragment.kind & PacketFields::kIcmp);
  EXPECT_EQ(fragment.icmp_type, 0);
  const Bytes options = {58, 0, 0, 0, 0, 0, 0, 0};
  const PacketFields six =
      fields(kMacs + Bytes{0x86, 0xdd} + ipv6(60, 10, 16) + options + Bytes{135, 4, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(six.kind, PacketFields::kIp | PacketFields::kIpv6 | PacketFields::kIcmp);
  EXPECT_EQ(six.protocol, 58);
  EXPECT_EQ(six.icmp_type, 135);
  EXPECT_EQ(six.icmp_code, 4);
  EXPECT_EQ(six.dscp, 10);
}

TEST(PacketFields, Arp) {
  const Bytes arp = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9};
  const PacketFields all = fields(kMacs + Bytes{8, 6} + arp);
  EXPECT_EQ(all.kind, PacketFields::kArp);
  EXPECT_EQ(all.eth_type, htons(0x0806));
  EXPECT_EQ(all.arp_operation, htons(2));
  EXPECT_EQ(all.source[3], 1);
  EXPECT_EQ(all.destination[3], 9);
  Bytes shorter = kMacs + Bytes{8, 6} + arp;
  shorter.pop_back();
  EXPECT_EQ(fields(shorter).kind, PacketFields::kNone);
  EXPECT_EQ(fields(shorter).eth_type, htons(0x0806));
}

// What the key alone says is the same as what all of the packet says of those fields: flows keep what was decided.
TEST(PacketFields, OfTheKeyAreThoseOfThePacket) {
  std::mt19937 random(7);
  const Bytes starts[] = {kMacs + Bytes{8, 0} + ipv4(17, 0), kMacs + Bytes{8, 0} + ipv4(1, 9, 0x2000),
                          kMacs + Bytes{0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x86, 0xdd} + ipv6(6, 3, 8),
                          kMacs + Bytes{8, 6}, kMacs + Bytes{0, 40}};
  for (int round = 0; round < 20'000; ++round) {
    Bytes frame = starts[random() % 5];
    const size_t more = random() % 40;
    for (size_t i = 0; i < more; ++i) frame.push_back(static_cast<uint8_t>(random()));
    if (random() % 2 == 0) frame[random() % frame.size()] = static_cast<uint8_t>(random());
    if (random() % 4 == 0) frame.resize(random() % frame.size() + 1);
    const PacketFields all = fields(frame);
    const PacketFields key = fields_of(flow_key(frame.data(), static_cast<uint32_t>(frame.size()), 3));
    EXPECT_EQ(key.in_port, all.in_port);
    EXPECT_EQ(key.kind & (PacketFields::kIp | PacketFields::kIpv4 | PacketFields::kIpv6),
              all.kind & (PacketFields::kIp | PacketFields::kIpv4 | PacketFields::kIpv6));
    EXPECT_EQ(key.eth_type, all.eth_type);
    EXPECT_EQ(key.protocol, all.protocol);
    EXPECT_EQ(key.source_port, all.source_port);
    EXPECT_EQ(key.destination_port, all.destination_port);
    if ((all.kind & PacketFields::kArp) == 0) {
      EXPECT_EQ(std::memcmp(key.source, all.source, 16), 0);
      EXPECT_EQ(std::memcmp(key.destination, all.destination, 16), 0);
    }
  }
}

// Cut at each byte, the empty frame among them: what is not there is 0, and nothing behind the end is read.
TEST(PacketFields, TruncatedAtEachByte) {
  const Bytes frames[] = {kMacs + Bytes{0x88, 0xa8, 0x20, 1, 0x81, 0, 0, 2, 8, 0} + ipv4(17, 0xb8) + kIcmpEcho,
                          kMacs + Bytes{8, 0} + ipv4(1, 0) + kIcmpEcho,
                          kMacs + Bytes{0x86, 0xdd} + ipv6(6, 3, 8) + kIcmpEcho};
  for (const Bytes& whole : frames)
    for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
      const PacketFields cut = fields(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)));
      if (bytes < 14) {
        EXPECT_EQ(cut.kind, PacketFields::kNone) << bytes;
        EXPECT_EQ(cut.eth_type, 0) << bytes;
      }
      // A header that is not whole has no ports and no protocol.
      if (bytes < whole.size() - kIcmpEcho.size()) {
        EXPECT_EQ(cut.kind & PacketFields::kIp, 0) << bytes;
        EXPECT_EQ(cut.source_port, 0) << bytes;
      }
      if (bytes == whole.size()) {
        EXPECT_NE(cut.kind & PacketFields::kIp, 0);
      }
    }
}

// A later fragment has no ports, whatever its bytes; nor has what is behind more tags than are looked behind.
TEST(PacketFields, LaterFragmentsAndThirdTagsHaveNoPorts) {
  EXPECT_NE(fields(kMacs + Bytes{8, 0} + ipv4(17, 0) + kIcmpEcho).source_port, 0);
  EXPECT_EQ(fields(kMacs + Bytes{8, 0} + ipv4(17, 0, 0x0005) + kIcmpEcho).source_port, 0);
  const Bytes tag{0, 7, 0x81, 0};
  const PacketFields deep = fields(kMacs + Bytes{0x81, 0} + tag + tag + Bytes{0, 7, 8, 0} + ipv4(17, 0) + kIcmpEcho);
  EXPECT_EQ(deep.source_port, 0);
  EXPECT_EQ(deep.kind & PacketFields::kIp, 0);
  EXPECT_EQ(deep.vlan & PacketFields::kVlanIdBits, 7);
}

TEST(FlowClasses, TellsApartByWhatCountsOnly) {
  FlowClasses classes(kBeyondVlan | kBeyondDscp);
  PacketFields packet{};
  packet.kind = PacketFields::kIp | PacketFields::kIpv4;
  EXPECT_EQ(classes.find(packet), FlowClasses::kNone);
  const uint16_t plain = classes.number(packet);
  EXPECT_GE(plain, FlowClasses::kFirst);
  PacketFields other = packet;
  other.eth_source[0] = 1;
  other.source[0] = 1;
  other.icmp_type = 3;
  other.vlan = 0x2000;  // priority alone
  EXPECT_EQ(classes.number(other), plain);
  other = packet;
  other.vlan = 0x1005;
  const uint16_t five = classes.number(other);
  EXPECT_NE(five, plain);
  other.dscp = 46;
  EXPECT_NE(classes.number(other), five);
  other = packet;
  other.in_port = 1;
  EXPECT_NE(classes.number(other), plain);
  EXPECT_EQ(classes.number(packet), plain);
  EXPECT_EQ(classes.find(packet), plain);
  EXPECT_EQ(classes.size(), 4U);
}

TEST(FlowClasses, OfArpTheAddresses) {
  FlowClasses classes(kBeyondArp);
  PacketFields packet{};
  packet.kind = PacketFields::kArp;
  const uint16_t one = classes.number(packet);
  packet.destination[3] = 1;
  EXPECT_NE(classes.number(packet), one);
}

TEST(FlowClasses, AreBounded) {
  FlowClasses classes(kBeyondMacs);
  PacketFields packet{};
  for (uint32_t i = 0; i < FlowClasses::kClassesMax; ++i) {
    std::memcpy(packet.eth_source, &i, 4);
    ASSERT_EQ(classes.number(packet), FlowClasses::kFirst + i);
  }
  EXPECT_TRUE(classes.full());
  const uint32_t more = FlowClasses::kClassesMax;
  std::memcpy(packet.eth_source, &more, 4);
  EXPECT_EQ(classes.number(packet), FlowClasses::kNone);
  std::memset(packet.eth_source, 0, 6);
  EXPECT_EQ(classes.number(packet), FlowClasses::kFirst);
}

}  // namespace
}  // namespace roost::packet_fields_test

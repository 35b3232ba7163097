// SPDX-License-Identifier: BSD-3-Clause
#include "core/flow_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace roost {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes operator+(const Bytes& left, const Bytes& right) {
  Bytes joined(left.size() + right.size());
  std::copy(right.begin(), right.end(), std::copy(left.begin(), left.end(), joined.begin()));
  return joined;
}

Bytes ethernet(uint16_t type) {
  return {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)};
}
Bytes vlan(uint16_t type, uint8_t id = 5) {
  return {0, id, static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)};
}

Bytes ipv4(uint8_t protocol, uint16_t payload, uint16_t fragment = 0, uint8_t words = 5) {
  const uint32_t total = words * 4U + payload;
  Bytes header(std::max(words * 4U, 20U), 1);
  const uint8_t fixed[] = {static_cast<uint8_t>(0x40 | words),
                           0,
                           static_cast<uint8_t>(total >> 8),
                           static_cast<uint8_t>(total),
                           0,
                           9,
                           static_cast<uint8_t>(fragment >> 8),
                           static_cast<uint8_t>(fragment),
                           64,
                           protocol};
  const uint8_t addresses[] = {10, 0, 0, 1, 10, 0, 0, 2};
  std::copy(std::begin(fixed), std::end(fixed), header.begin());
  std::copy(std::begin(addresses), std::end(addresses), header.begin() + 12);
  return header;
}

Bytes ipv6(uint8_t next, uint16_t payload) {
  Bytes header = {0x60, 0, 0, 0, static_cast<uint8_t>(payload >> 8), static_cast<uint8_t>(payload), next, 64};
  for (uint8_t i = 0; i < 32; ++i) header.push_back(i);
  return header;
}

const Bytes kUdp = {0x12, 0x34, 0x00, 0x35, 0, 8, 0, 0};

// From memory of exactly that size, so that the address sanitizer sees a read too many.
FlowKey key_of(const Bytes& frame, uint16_t port = 1) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
  std::copy(frame.begin(), frame.end(), exact.get());
  return flow_key(exact.get(), static_cast<uint32_t>(frame.size()), port);
}

bool has_ports(const FlowKey& key) {
  const uint16_t source = key.kind == FlowKey::Kind::k4 ? key.four.source_port : key.wide.source_port;
  const uint16_t destination = key.kind == FlowKey::Kind::k4 ? key.four.destination_port : key.wide.destination_port;
  return source == 0x3412 && destination == 0x3500;
}
bool is_other(const FlowKey& key) { return key.kind == FlowKey::Kind::kWide && key.wide.other == 1; }

TEST(FlowKey, Ipv4) {
  const FlowKey key = key_of(ethernet(0x0800) + ipv4(17, 8) + kUdp, 7);
  ASSERT_EQ(key.kind, FlowKey::Kind::k4);
  EXPECT_EQ(key.four.source, 0x0100000aU);
  EXPECT_EQ(key.four.destination, 0x0200000aU);
  EXPECT_EQ(key.four.protocol, 17);
  EXPECT_EQ(key.four.pad, 0);
  EXPECT_EQ(key.four.port, 7);
  EXPECT_TRUE(has_ports(key));
}

TEST(FlowKey, Ipv4OptionsAndVlans) {
  const Bytes plain = ipv4(6, 8) + kUdp;
  const FlowKey key = key_of(ethernet(0x0800) + plain);
  EXPECT_TRUE(has_ports(key_of(ethernet(0x0800) + ipv4(6, 8, 0, 15) + kUdp)));
  EXPECT_EQ(key_of(ethernet(0x8100) + vlan(0x0800) + plain), key);
  EXPECT_EQ(key_of(ethernet(0x88a8) + vlan(0x8100) + vlan(0x0800) + plain), key);
  EXPECT_TRUE(is_other(key_of(ethernet(0x88a8) + vlan(0x8100) + vlan(0x8100) + vlan(0x0800) + plain)));
}

TEST(FlowKey, Ipv6AndItsExtensions) {
  const FlowKey key = key_of(ethernet(0x86dd) + ipv6(17, 8) + kUdp);
  ASSERT_EQ(key.kind, FlowKey::Kind::kWide);
  EXPECT_EQ(key.wide.other, 0);
  EXPECT_EQ(key.wide.source[15], 15);
  EXPECT_EQ(key.wide.destination[0], 16);
  EXPECT_TRUE(has_ports(key));
  const Bytes hop = {60, 0, 0, 0, 0, 0, 0, 0};
  const Bytes destination = {51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes authentication = {17, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(key_of(ethernet(0x86dd) + ipv6(0, 56) + hop + destination + authentication + kUdp), key);
  const Bytes atomic = {17, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(key_of(ethernet(0x86dd) + ipv6(44, 16) + atomic + kUdp), key);
}

TEST(FlowKey, ExtensionHeadersAreBounded) {
  const Bytes self = {60, 0, 0, 0, 0, 0, 0, 0};  // one after the other
  Bytes chain;
  for (uint32_t i = 0; i < kExtensionsMax - 1; ++i) chain = chain + self;
  EXPECT_TRUE(has_ports(key_of(ethernet(0x86dd) + ipv6(60, 72) + chain + Bytes{17, 0, 0, 0, 0, 0, 0, 0} + kUdp)));
  for (int i = 0; i < 1000; ++i) chain = chain + self;
  const FlowKey key = key_of(ethernet(0x86dd) + ipv6(60, 0) + chain);
  EXPECT_EQ(key.wide.protocol, 60);
  EXPECT_EQ(key.wide.source_port, 0);
}

TEST(FlowKey, FragmentsShareAFlow) {
  const FlowKey first = key_of(ethernet(0x0800) + ipv4(17, 8, 0x2000) + kUdp);
  const FlowKey middle = key_of(ethernet(0x0800) + ipv4(17, 8, 0x2005) + Bytes(8, 0xaa));
  const FlowKey last = key_of(ethernet(0x0800) + ipv4(17, 4, 0x0009) + Bytes(4, 0xbb));
  EXPECT_EQ(first, middle);
  EXPECT_EQ(first, last);
  EXPECT_EQ(first.four.source_port, 0);
  EXPECT_TRUE(has_ports(key_of(ethernet(0x0800) + ipv4(17, 8, 0x4000) + kUdp)));  // don't fragment
  const FlowKey first6 = key_of(ethernet(0x86dd) + ipv6(44, 16) + Bytes{17, 0, 0, 1, 0, 0, 0, 1} + kUdp);
  const FlowKey last6 = key_of(ethernet(0x86dd) + ipv6(44, 16) + Bytes{17, 0, 1, 0, 0, 0, 0, 1} + Bytes(8, 0xcc));
  EXPECT_EQ(first6, last6);
  EXPECT_EQ(first6.wide.protocol, 17);
  EXPECT_FALSE(has_ports(first6));
}

TEST(FlowKey, IcmpEchoHasItsIdentifier) {
  const auto echo = [](uint8_t type, uint8_t id) { return Bytes{type, 0, 0, 0, id, 1, 0, 7}; };
  const Bytes head = ethernet(0x0800) + ipv4(1, 8);
  EXPECT_EQ(key_of(head + echo(8, 1)), key_of(head + Bytes{8, 0, 9, 9, 1, 1, 0, 8}));
  EXPECT_FALSE(key_of(head + echo(8, 1)) == key_of(head + echo(8, 2)));
  EXPECT_EQ(key_of(head + echo(3, 1)), key_of(head + echo(3, 2)));
  const Bytes head6 = ethernet(0x86dd) + ipv6(58, 8);
  EXPECT_FALSE(key_of(head6 + echo(128, 1)) == key_of(head6 + echo(128, 2)));
  EXPECT_EQ(key_of(head6 + echo(1, 1)), key_of(head6 + echo(1, 2)));
}

TEST(FlowKey, PaddingIsNoPort) {
  const FlowKey key =
      key_of(ethernet(0x0800) + ipv4(17, 0) + kUdp);  // an empty packet, padded with what looks like UDP
  EXPECT_FALSE(has_ports(key));
}

TEST(FlowKey, TheRestGoesByAddressesAndType) {
  const FlowKey arp = key_of(ethernet(0x0806) + Bytes(28, 0));
  EXPECT_TRUE(is_other(arp));
  EXPECT_FALSE(arp == key_of(ethernet(0x88cc) + Bytes(28, 0)));
  EXPECT_EQ(key_of(ethernet(60) + Bytes(60, 0)), key_of(ethernet(61) + Bytes(61, 0)));  // 802.3 lengths
  EXPECT_TRUE(is_other(key_of(ethernet(0x0800) + ipv4(17, 8, 0, 4))));                  // header too short
  Bytes wrong = ipv4(17, 8) + kUdp;
  wrong[0] = 0x65;
  EXPECT_TRUE(is_other(key_of(ethernet(0x0800) + wrong)));
  Bytes lying = ipv4(17, 8) + kUdp;
  lying[2] = lying[3] = 0;
  EXPECT_TRUE(is_other(key_of(ethernet(0x0800) + lying)));
}

TEST(FlowKey, TruncatedAtEachByte) {
  const Bytes frames[] = {
      ethernet(0x88a8) + vlan(0x8100) + vlan(0x0800) + ipv4(17, 8, 0, 7) + kUdp,
      ethernet(0x86dd) + ipv6(0, 24) + Bytes{44, 0, 0, 0, 0, 0, 0, 0} + Bytes{17, 0, 0, 0, 0, 0, 0, 1} + kUdp,
      ethernet(0x0800) + ipv4(1, 8) + Bytes{8, 0, 0, 0, 1, 1, 0, 7},
  };
  for (const Bytes& frame : frames) {
    for (size_t length = 0; length < frame.size(); ++length) {
      const FlowKey key = key_of(Bytes(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length)));
      if (length < 14) {
        EXPECT_TRUE(is_other(key)) << length;
      }
      EXPECT_EQ(key, key_of(Bytes(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length))));
      if (length <= frame.size() - 5) {
        EXPECT_FALSE(has_ports(key)) << length;
      }
    }
  }
}

TEST(FlowKey, RandomFramesAreReadWithinTheirBounds) {
  std::mt19937 random(3);
  const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x88a8};
  for (int i = 0; i < 100'000; ++i) {
    Bytes frame(random() % 120);
    for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random() % 3 == 0 ? random() : random() % 2 * 0x3c);
    const uint16_t type = types[random() % 4];
    if (frame.size() > 14) {
      frame[12] = static_cast<uint8_t>(type >> 8);
      frame[13] = static_cast<uint8_t>(type);
      frame[14] = static_cast<uint8_t>(type == 0x0800 ? 0x45 : 0x60);
    }
    const FlowKey key = key_of(frame);
    ASSERT_EQ(key.kind == FlowKey::Kind::k4 ? key.four.port : key.wide.port, 1);
  }
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What becomes of packets that a kernel hands over; the kernel is the test.
#include "core/ports/interface_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/eal.h"

namespace roost {
namespace {

constexpr int kDescriptor = 7;

struct Arrival {
  std::string bytes;
  OffloadHeader header{};
  uint16_t tag = 0, tag_type = 0;
};

class FakeInterface final : public InterfacePort {
 public:
  explicit FakeInterface(rte_mempool* pool) : InterfacePort({.name = "fake"}, 5, pool) {}
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    discard(packets, count);
    return count;
  }

  std::deque<Arrival> waiting;

 private:
  uint16_t fetch(std::span<Slot> slots) noexcept override {
    uint16_t came = 0;
    for (Slot& slot : slots) {
      if (waiting.empty()) break;
      const Arrival& next = waiting.front();
      const size_t first = std::min<size_t>(next.bytes.size(), room_bytes());
      std::memcpy(first_bytes(slot), next.bytes.data(), first);
      std::memcpy(further_bytes(came), next.bytes.data() + first, next.bytes.size() - first);
      slot.header = next.header;
      slot.bytes = static_cast<uint32_t>(next.bytes.size());
      slot.tag = next.tag;
      slot.tag_type = next.tag_type;
      waiting.pop_front();
      ++came;
    }
    return came;
  }
  int receive_descriptor() const noexcept override { return kDescriptor; }
};

std::string frame_of(size_t bytes) {
  std::string frame(bytes, '\0');
  char* const to = frame.data();
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(i * 7 + bytes);
  return frame;
}

// TCP over IPv4, to be cut.
Arrival big_packet(uint32_t payload, uint16_t segment_bytes) {
  std::string frame = frame_of(54 + payload);
  frame.replace(12, 2, std::string("\x08\0", 2));
  frame[14] = 0x45;
  frame[23] = 6;
  frame[46] = 0x50;
  return {frame, {kChecksumIsBegun, kTcp4Segments, 0, segment_bytes, 34, 16}};
}

class Interface : public testing::Test {
 protected:
  // One call; the packets' bytes. They are freed.
  std::vector<std::string> receive(uint16_t count = 64) {
    std::vector<rte_mbuf*> packets(count);
    std::vector<uint64_t> stamps(count);
    const uint16_t came = port.receive(packets.data(), stamps.data(), count, 42);
    std::vector<std::string> frames;
    for (uint16_t i = 0; i < came; ++i) {
      const char* why = "";
      EXPECT_EQ(rte_mbuf_check(packets[i], 1, &why), 0) << why;
      EXPECT_EQ(packets[i]->port, 5);
      EXPECT_EQ(stamps[i], 42U);
      std::string& frame = frames.emplace_back();
      for (const rte_mbuf* part = packets[i]; part != nullptr; part = part->next)
        frame.append(rte_pktmbuf_mtod(part, const char*), part->data_len);
      EXPECT_EQ(frame.size(), packets[i]->pkt_len);
      rte_pktmbuf_free(packets[i]);
    }
    return frames;
  }
  const PortCounters::ReceiveDropped& dropped() const { return port.counters().receive_dropped; }

  test::Pool pool{512};
  FakeInterface port{pool.get()};
};

TEST_F(Interface, FramesOfAllLengths) {
  std::vector<std::string> sent;
  for (const size_t bytes : {14U, 60U, 1'514U, 2'048U, 2'049U, 4'096U, 9'014U, 65'531U})
    sent.push_back(frame_of(bytes));
  for (const auto& frame : sent) port.waiting.push_back({frame});
  EXPECT_EQ(receive(), sent);
  EXPECT_EQ(port.counters().received.get(), sent.size());
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(port.wake_fd(), kDescriptor);
}

TEST_F(Interface, WhatDoesNotFitIsCounted) {
  Arrival bad_checksum{frame_of(100)}, not_tcp{frame_of(3'000)};
  bad_checksum.header = {kChecksumIsBegun, kWhole, 0, 0, 99, 6};
  not_tcp.header = {kChecksumIsBegun, kTcp4Segments, 0, 1'000, 34, 16};
  Arrival long_bad_checksum{frame_of(5'000), {kChecksumIsBegun, kWhole, 0, 0, 5'000, 6}};
  for (const Arrival& each : {Arrival{frame_of(13)}, Arrival{frame_of(66'000)}, bad_checksum, long_bad_checksum,
                              not_tcp, Arrival{""}, Arrival{frame_of(60)}})
    port.waiting.push_back(each);
  EXPECT_EQ(receive(), std::vector{frame_of(60)});
  EXPECT_EQ(dropped().runt.get(), 1U);
  EXPECT_EQ(dropped().oversize.get(), 1U);
  EXPECT_EQ(dropped().malformed.get(), 3U);
}

TEST_F(Interface, TagsArePutBack) {
  for (const size_t bytes : {60U, 2'044U, 2'045U, 2'048U, 3'000U}) {
    port.waiting.push_back({frame_of(bytes), {}, 0x2005, 0x8100});
    const std::string plain = frame_of(bytes), tag("\x81\x00\x20\x05", 4);
    EXPECT_EQ(receive(), std::vector{plain.substr(0, 12) + tag + plain.substr(12)});
  }
  Arrival big = big_packet(3'000, 1'000);
  big.tag = 7;
  big.tag_type = 0x88a8;
  port.waiting.push_back(big);
  const auto cut = receive();
  ASSERT_EQ(cut.size(), 3U);
  for (const auto& each : cut) {
    EXPECT_EQ(each.size(), 58U + 1'000U);
    EXPECT_EQ(each.substr(12, 6), std::string("\x88\xa8\0\x07\x08\0", 6));
  }
}

TEST_F(Interface, CutPacketsGoOnInTheNextCall) {
  port.waiting.push_back(big_packet(30'000, 1'000));
  port.waiting.push_back({frame_of(60)});
  port.waiting.push_back(big_packet(30'000, 5'000));
  std::vector<size_t> lengths;
  for (int calls = 0; calls < 20; ++calls)
    for (const auto& frame : receive(7)) lengths.push_back(frame.size());
  std::vector<size_t> right(30, 1'054);
  right.push_back(60);
  right.insert(right.end(), 6, 5'054);
  EXPECT_EQ(lengths, right);
  EXPECT_EQ(port.wake_fd(), kDescriptor);
}

TEST_F(Interface, WithoutBuffersPacketsWaitAndTheLoopIsNotWokenForThem) {
  port.waiting.push_back(big_packet(20'000, 1'000));
  port.waiting.push_back({frame_of(9'000)});
  EXPECT_EQ(receive(2).size(), 2U);
  std::vector<rte_mbuf*> taken;
  for (rte_mbuf* one = rte_pktmbuf_alloc(pool.get()); one != nullptr; one = rte_pktmbuf_alloc(pool.get()))
    taken.push_back(one);
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(port.wake_fd(), -1);
  for (int i = 0; i < 3; ++i, taken.pop_back()) rte_pktmbuf_free(taken.back());
  EXPECT_EQ(receive(3).size(), 3U);
  rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
  std::vector<std::string> rest;
  for (int calls = 0; calls < 4; ++calls)
    for (auto& frame : receive()) rest.push_back(frame);
  ASSERT_EQ(rest.size(), 16U);
  EXPECT_EQ(rest.back(), frame_of(9'000));
  EXPECT_EQ(dropped().no_buffer.get(), 0U);
  EXPECT_EQ(port.wake_fd(), kDescriptor);
}

TEST(InterfacePool, GetsEverythingBack) {
  const test::Pool pool(512);
  {
    FakeInterface port(pool.get());
    std::mt19937 random(3);
    for (int round = 0; round < 3'000; ++round) {
      for (uint32_t i = random() % 5; i > 0; --i) {
        Arrival each = random() % 2 == 0 ? big_packet(random() % 60'000, static_cast<uint16_t>(random()))
                                         : Arrival{frame_of(random() % 10'000)};
        if (random() % 3 == 0) each.header.checksum_start = static_cast<uint16_t>(random() % 200);
        if (random() % 3 == 0) each.header.flags = kChecksumIsBegun;
        if (random() % 4 == 0) each.tag_type = 0x8100;
        for (uint32_t change = random() % 3; change > 0 && !each.bytes.empty(); --change)
          each.bytes[random() % std::min<size_t>(each.bytes.size(), 60)] = static_cast<char>(random());
        port.waiting.push_back(std::move(each));
      }
      rte_mbuf* packets[32];
      uint64_t stamps[32];
      rte_pktmbuf_free_bulk(packets, port.receive(packets, stamps, 1 + random() % 32, 1));
    }
    EXPECT_GT(port.counters().received.get(), 3'000U);
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace roost

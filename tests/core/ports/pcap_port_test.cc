// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/pcap_port.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/eal.h"
#include "tests/support/temp_dir.h"

namespace roost::pcap_port_test {
namespace {

using test::CaptureBytes;

constexpr uint64_t kTscHz = 1'000'000'000;  // one cycle a nanosecond
constexpr uint16_t kBurst = 32;

class PcapPortTest : public testing::Test {
 protected:
  std::unique_ptr<Port> open(const PcapOptions& options, rte_mempool* pool) {
    return open_port({.name = "p", .kind = PortKind::kPcap, .pcap = options}, 0, pool, kTscHz);
  }
  std::unique_ptr<Port> open_read(const CaptureBytes& bytes, CapturePace pace, bool loop) {
    return open({.read = dir_.file("in.pcap", bytes.bytes()), .write = "", .pace = pace, .loop = loop}, pool_.get());
  }

  // Receives once at `now`, frees the packets and returns their stamps.
  std::vector<uint64_t> stamps_at(Port& port, uint64_t now, uint16_t count = kBurst) {
    rte_mbuf* packets[kBurst];
    uint64_t stamps[kBurst];
    const uint16_t got = port.receive(packets, stamps, count, now);
    EXPECT_EQ(port.transmit(packets, got), got);
    return {stamps, stamps + got};
  }

  test::TempDir dir_;
  test::Pool pool_{1024, 512};
};

TEST_F(PcapPortTest, ReplaysOnceAtLinePace) {
  const auto port =
      open_read(CaptureBytes().frame(60, 0).frame(60, 900'000).frame(60, 901'000), CapturePace::kLine, false);
  EXPECT_EQ(port->next_receive_tsc(), 0U);
  EXPECT_EQ(stamps_at(*port, 100, 2), (std::vector<uint64_t>{100, 100}));
  EXPECT_FALSE(port->finished());
  EXPECT_EQ(stamps_at(*port, 200), (std::vector<uint64_t>{200}));
  EXPECT_TRUE(port->finished());
  EXPECT_EQ(port->next_receive_tsc(), kNeverTsc);
  EXPECT_TRUE(stamps_at(*port, 300).empty());
  EXPECT_EQ(port->counters().received.get(), 3U);
  EXPECT_EQ(port->counters().received_bytes.get(), 180U);
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(PcapPortTest, KeepsTheRecordedPaceAndStampsLateFramesWithTheirOwnTime) {
  const auto port = open_read(CaptureBytes().frame(60, 0).frame(60, 10).frame(60, 30), CapturePace::kRecorded, false);
  EXPECT_EQ(stamps_at(*port, 1'000'000), (std::vector<uint64_t>{1'000'000}));
  EXPECT_EQ(port->next_receive_tsc(), 1'010'000U);
  EXPECT_TRUE(stamps_at(*port, 1'009'999).empty());
  EXPECT_EQ(stamps_at(*port, 1'500'000), (std::vector<uint64_t>{1'010'000, 1'030'000}));
  EXPECT_TRUE(port->finished());
}

TEST_F(PcapPortTest, LoopsWithAMeanGapBetweenRounds) {
  const auto port = open_read(CaptureBytes().frame(60, 0).frame(60, 10).frame(60, 20), CapturePace::kRecorded, true);
  EXPECT_EQ(stamps_at(*port, 1000, 1), (std::vector<uint64_t>{1000}));
  EXPECT_EQ(stamps_at(*port, 51'000), (std::vector<uint64_t>{11'000, 21'000, 31'000, 41'000, 51'000}));
  EXPECT_FALSE(port->finished());
}

TEST_F(PcapPortTest, CountsRuntsAndOversize) {
  const auto port =
      open_read(CaptureBytes().frame(0).frame(13).frame(14).frame(65536).frame(65535), CapturePace::kLine, false);
  EXPECT_EQ(stamps_at(*port, 1).size(), 2U);
  EXPECT_EQ(port->counters().receive_dropped.runt.get(), 2U);
  EXPECT_EQ(port->counters().receive_dropped.oversize.get(), 1U);
  EXPECT_EQ(port->counters().received.get(), 2U);
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(PcapPortTest, RefusesACaptureWithNothingToReplay) {
  EXPECT_THROW(open_read(CaptureBytes().frame(5).frame(70000), CapturePace::kLine, true), Error);
}

TEST_F(PcapPortTest, LongFramesBecomeSegments) {
  std::string bytes = CaptureBytes().frame(1300).bytes();
  for (uint32_t i = 0; i < 1300; ++i) bytes[24 + 16 + i] = static_cast<char>(i * 7);
  const auto port = open({.read = dir_.file("in.pcap", bytes), .write = "", .pace = {}, .loop = false}, pool_.get());
  rte_mbuf* packet = nullptr;
  uint64_t stamp = 0;
  ASSERT_EQ(port->receive(&packet, &stamp, 1, 1), 1);
  EXPECT_EQ(packet->nb_segs, 3);
  EXPECT_EQ(packet->pkt_len, 1300U);
  EXPECT_EQ(packet->data_len, 512U);
  EXPECT_EQ(rte_mbuf_check(packet, 1, nullptr), 0);
  std::string joined(1300, '\0');
  EXPECT_NE(rte_pktmbuf_read(packet, 0, 1300, joined.data()), nullptr);
  EXPECT_EQ(joined, bytes.substr(24 + 16));
  rte_pktmbuf_free(packet);
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(PcapPortTest, WaitsForAnEmptyPoolAndLosesNothing) {
  const test::Pool small(8, 512);
  CaptureBytes bytes;
  for (int i = 0; i < 5; ++i) bytes.frame(1300);  // three segments each: two packets fit
  const auto port =
      open({.read = dir_.file("in.pcap", bytes.bytes()), .write = "", .pace = {}, .loop = false}, small.get());
  for (const uint16_t expected : {2, 2, 1}) {
    rte_mbuf* packets[kBurst];
    uint64_t stamps[kBurst];
    ASSERT_EQ(port->receive(packets, stamps, kBurst, 1), expected);
    EXPECT_EQ(port->transmit(packets, expected), expected);
  }
  EXPECT_TRUE(port->finished());
  EXPECT_EQ(small.in_use(), 0U);
}

TEST_F(PcapPortTest, WhatIsWrittenReadsBackEqual) {
  const std::string in =
      dir_.file("in.pcap", CaptureBytes().frame(60, 0, 'a').frame(1300, 0, 'b').frame(14, 0, 'c').bytes());
  const std::string out = dir_.path("out.pcap");
  {
    const auto port = open({.read = in, .write = out, .pace = {}, .loop = false}, pool_.get());
    EXPECT_EQ(stamps_at(*port, 1).size(), 3U);
    EXPECT_EQ(port->counters().transmitted.get(), 3U);
    EXPECT_EQ(port->counters().transmitted_bytes.get(), 1374U);
  }
  const Capture first = Capture::load(in);
  const Capture second = Capture::load(out);
  ASSERT_EQ(second.frames().size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const auto& a = first.frames()[i];
    const auto& b = second.frames()[i];
    EXPECT_EQ(std::string(first.data(a), first.data(a) + a.length),
              std::string(second.data(b), second.data(b) + b.length));
  }
}

TEST_F(PcapPortTest, RefusesToOverwriteWhatItReads) {
  const std::string in = dir_.file("in.pcap", CaptureBytes().frame(60).bytes());
  EXPECT_THROW(open({.read = in, .write = in, .pace = {}, .loop = false}, pool_.get()), Error);
}

TEST_F(PcapPortTest, AFullDiskDropsAndCounts) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  CaptureBytes bytes;
  for (int i = 0; i < 64; ++i) bytes.frame(1400);  // more than stdio's buffer holds
  const auto port =
      open({.read = dir_.file("in.pcap", bytes.bytes()), .write = "/dev/full", .pace = {}, .loop = true}, pool_.get());
  for (int i = 0; i < 4; ++i) stamps_at(*port, 1);
  EXPECT_EQ(port->counters().transmitted.get() + port->counters().transmit_dropped.get(),
            port->counters().received.get());
  EXPECT_GT(port->counters().transmit_dropped.get(), 0U);
  EXPECT_EQ(pool_.in_use(), 0U);
}

}  // namespace
}  // namespace roost::pcap_port_test

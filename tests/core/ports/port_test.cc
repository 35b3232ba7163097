// SPDX-License-Identifier: BSD-3-Clause
// open_port() and the ports that need little: null, and what all ports share.
#include "core/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "core/error.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

constexpr uint64_t kClockHz = 1'000'000'000;

TEST(NullPort, ReceivesNothingAndDiscards) {
  const test::Pool pool;
  const auto port = open_port({.name = "n"}, 3, pool.get(), kClockHz);
  EXPECT_EQ(port->name(), "n");
  EXPECT_EQ(port->index(), 3);
  EXPECT_EQ(port->next_receive_tsc(), kNeverTsc);
  rte_mbuf* packets[8];
  uint64_t stamps[8];
  EXPECT_EQ(port->receive(packets, stamps, 8, 1), 0);
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool.get(), packets, 8), 0);
  for (rte_mbuf* mbuf : packets) rte_pktmbuf_append(mbuf, 100);
  EXPECT_EQ(port->transmit(packets, 8), 8);
  EXPECT_EQ(port->counters().transmitted.get(), 8U);
  EXPECT_EQ(port->counters().transmitted_bytes.get(), 800U);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(NullPort, BlankFramesWithoutEnd) {
  const test::Pool pool;
  const auto port = open_port({.name = "n", .null = {.blank = true}}, 7, pool.get(), kClockHz);
  EXPECT_EQ(port->next_receive_tsc(), 0U);
  EXPECT_FALSE(port->finished());
  for (int round = 0; round < 100; ++round) {
    rte_mbuf* packets[32];
    uint64_t stamps[32];
    ASSERT_EQ(port->receive(packets, stamps, 32, 42), 32);
    EXPECT_EQ(packets[31]->pkt_len, 64U);
    EXPECT_EQ(packets[31]->port, 7);
    EXPECT_EQ(*rte_pktmbuf_mtod(packets[31], uint8_t*), 0);
    EXPECT_EQ(stamps[31], 42U);
    EXPECT_EQ(port->transmit(packets, 32), 32);
  }
  EXPECT_EQ(port->counters().received.get(), 3200U);
  EXPECT_EQ(port->counters().received_bytes.get(), 3200U * 64);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(NullPort, AnEmptyPoolGivesNothing) {
  const test::Pool pool(64);
  const auto port = open_port({.name = "n", .null = {.blank = true}}, 0, pool.get(), kClockHz);
  rte_mbuf* packets[64];
  uint64_t stamps[64];
  ASSERT_EQ(port->receive(packets, stamps, 64, 0), 64);
  rte_mbuf* more[1];
  EXPECT_EQ(port->receive(more, stamps, 1, 0), 0);
  EXPECT_EQ(port->transmit(packets, 64), 64);
}

TEST(OpenPort, ErrorsNameThePort) {
  const test::Pool pool;
  PortConfig config{.name = "net7", .kind = PortKind::kPcap};
  const auto error_of = [&] {
    try {
      open_port(config, 0, pool.get(), kClockHz);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(error_of(), testing::HasSubstr("port 'net7': neither read nor write"));
  config.pcap.read = "/nonexistent/x.pcap";
  EXPECT_THAT(error_of(), testing::HasSubstr("port 'net7': capture '/nonexistent/x.pcap'"));
  config.pcap = {.read = "", .write = "/nonexistent/x.pcap", .pace = CapturePace::kLine, .loop = false};
  EXPECT_THAT(error_of(), testing::HasSubstr("can't be written"));
  config.kind = static_cast<PortKind>(99);
  EXPECT_THAT(error_of(), testing::HasSubstr("unknown kind 99"));
  EXPECT_THROW(open_port({.name = "x"}, 0, nullptr, kClockHz), Error);
  EXPECT_THROW(open_port({.name = "x"}, 0, pool.get(), 0), Error);
}

}  // namespace
}  // namespace roost

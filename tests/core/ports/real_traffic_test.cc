// SPDX-License-Identifier: BSD-3-Clause
// Real packets through the capture port, the flow keys and the flow table, and written again: all of them, unchanged.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <cstring>
#include <iostream>
#include <random>
#include <string>

#include "core/capture.h"
#include "core/flow_table.h"
#include "core/port.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/eal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/traffic.h"

namespace roost {
namespace {

// Frames of 14 to 1514 bytes, each of one repeated byte.
std::string own_traffic(const test::TempDir& dir) {
  test::CaptureBytes bytes;
  std::mt19937 random(2);
  for (uint64_t i = 0; i < 5000; ++i) bytes.frame(14 + random() % 1501, i * 100, static_cast<char>(random()));
  return dir.file("own.pcap", bytes.bytes());
}

TEST(RealTraffic, EveryPacketHasItsFlowAndComesOutUnchanged) {
  const test::TempDir dir;
  std::string in = test::real_capture(ROOST_SOURCE_DIR, "mixed-small.pcap");
  if (in.empty()) {
    std::cout
        << "no real capture here (ROOST_TRAFFIC_DIR names a folder with mixed-small.pcap): using made-up frames\n";
    in = own_traffic(dir);
  }
  const std::string out = dir.path("out.pcap");
  const test::Pool pool(1024, 512);  // small buffers: longer frames become segments
  FlowTable table(4096, 4096);
  {
    const PcapOptions options{.read = in, .write = out};
    const auto port = open_port({.name = "p", .kind = PortKind::kPcap, .pcap = options}, 0, pool.get(), 1'000'000'000);
    while (!port->finished()) {
      constexpr uint16_t kBurst = 32;
      rte_mbuf* packets[kBurst];
      uint64_t stamps[kBurst];
      const uint16_t count = port->receive(packets, stamps, kBurst, 1);
      FlowKey keys[kBurst];
      uint32_t hashes[kBurst];
      FlowEntry* entries[kBurst];
      flow_keys(packets, count, 0, keys);
      table.find(keys, count, hashes, entries);
      for (uint16_t i = 0; i < count; ++i) {
        FlowEntry* entry = table.insert(keys[i], hashes[i]);
        ASSERT_NE(entry, nullptr);
        ASSERT_TRUE(entries[i] == nullptr || entries[i] == entry);
      }
      ASSERT_EQ(port->transmit(packets, count), count);
    }
    EXPECT_EQ(port->counters().received.get(), port->counters().transmitted.get());
  }
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_GT(table.size4() + table.size_wide(), 0U);
  std::cout << table.size4() << " IPv4 flows and " << table.size_wide() << " others\n";

  const Capture before = Capture::load(in);
  const Capture after = Capture::load(out);
  ASSERT_EQ(before.frames().size(), after.frames().size());
  for (size_t i = 0; i < before.frames().size(); ++i) {
    ASSERT_EQ(before.frames()[i].length, after.frames()[i].length) << i;
    ASSERT_EQ(std::memcmp(before.data(before.frames()[i]), after.data(after.frames()[i]), before.frames()[i].length), 0)
        << i;
  }
}

}  // namespace
}  // namespace roost

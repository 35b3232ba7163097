// SPDX-License-Identifier: BSD-3-Clause
// Packets through whole chains, in each tier: every one is accounted for, each flow keeps its order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/frames.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using Strings = std::vector<std::string>;

constexpr uint64_t kLeadUs = 1'500'000;  // a replay begins with one frame, and goes on when NFs have been spawned

std::string settings_for_bursts() { return "[settings]\ninbox_slots = 16384\n"; }

// A port "in" that replays, a port "out" that writes; inboxes that take the whole capture at once.
std::string replay_config(const Strings& hops, const std::string& from, const std::string& to) {
  return fmt::format(
             "[memory]\npackets = 65536\nhugepages = \"never\"\n[[ports]]\nname = \"in\"\nkind = \"pcap\"\n"
             "read = \"{}\"\npace = \"recorded\"\nchain = \"c\"\n[[ports]]\nname = \"out\"\nkind = \"pcap\"\n"
             "write = \"{}\"\n",
             from, to) +
         services(hops) + chain_of("c", hops, "out") + settings_for_bursts();
}

// The first frame goes before there are NFs; of the others, none may be lost.
struct Replay {
  explicit Replay(const Strings& frames) : sent(frames) {
    CaptureFile capture;
    capture.add(udp_frame(0, 0, 60), 0);
    uint64_t time_us = kLeadUs;
    for (const auto& frame : frames) capture.add(frame, time_us += 10);
    from = folder.file("in.pcap", capture.bytes());
    to = folder.path("out.pcap");
  }

  // Runs the chain over NFs that `spawn` starts; returns what came out.
  Strings run(const Strings& hops, const std::function<void(ManagerProcess&)>& spawn) {
    ManagerProcess manager(replay_config(hops, from, to));
    manager.call("pause");
    spawn(manager);
    manager.call("resume");
    EXPECT_TRUE(
        eventually([&] { return manager.figure("received") == sent.size() + 1 && manager.figure("held") == 0; }));
    const Json stats = manager.stats();
    expect_balanced(stats);
    EXPECT_EQ(dropped_total(stats), 1U) << json_text(stats, 1);
    EXPECT_EQ(stats["dropped"].value("no_nf", 0), 1);
    EXPECT_EQ(stats["refused"], 0);
    EXPECT_EQ(stats["breaches"], 0);
    EXPECT_EQ(stats["nfs_with_packets"], stats["nfs_live"]);
    manager.end();
    return frames_of(to);
  }

  TempDir folder;
  Strings sent;
  std::string from, to;
};

Strings frames_of_flows(uint32_t flows, uint32_t each) {
  Strings frames;
  for (uint32_t number = 0; number < each; ++number)
    for (uint32_t flow = 0; flow < flows; ++flow)
      frames.push_back(udp_frame(static_cast<uint16_t>(flow), number, 60 + (flow * 37 + number * 11) % 1000 + 10));
  return frames;
}

class Traffic : public testing::TestWithParam<const char*> {};

TEST_P(Traffic, ThirtyNfsAllGetPacketsAndTheBooksBalance) {
  const uint64_t count = scaled(300'000, 10);
  ManagerProcess manager(simple_config(
      {"a", "b", "c"}, fmt::format("flows = 3000\nip_version = \"mixed\"\nrate_pps = 200000\ncount = {}", count)));
  manager.call("pause");
  for (const char* service : {"a", "b", "c"}) manager.spawn(nf("forward"), service, 10, GetParam());
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") == count; }));
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats["transmitted"].get<uint64_t>() + dropped_total(stats), count);
  EXPECT_GT(stats["transmitted"].get<uint64_t>(), count / 20) << stats["dropped"];
  EXPECT_EQ(stats["nfs_live"], 30);
  EXPECT_EQ(stats["nfs_with_packets"], 30);
  uint64_t entries = 0;
  for (const Json& each : manager.nfs()) {
    EXPECT_EQ(each["tier"], GetParam());
    EXPECT_GT(each["packets"], 0) << each;
    if (each["service"] == "a") entries += each["packets"].get<uint64_t>();
  }
  EXPECT_GE(entries, stats["transmitted"].get<uint64_t>());
  manager.end();
}

TEST_P(Traffic, FlowsKeepTheirOrder) {
  Replay replay(frames_of_flows(40, static_cast<uint32_t>(scaled(250))));
  const auto out = replay.run({"a", "b"}, [](ManagerProcess& manager) {
    manager.spawn(nf("forward"), "a", 4, GetParam());
    manager.spawn(nf("forward"), "b", 4, GetParam());
  });
  ASSERT_EQ(out.size(), replay.sent.size());
  EXPECT_TRUE(by_flow(out) == by_flow(replay.sent));
}

TEST_P(Traffic, OnePathKeepsEveryByteAndTheOrder) {
  Replay replay(frames_of_flows(20, static_cast<uint32_t>(scaled(400))));
  const auto out = replay.run({"a", "b"}, [](ManagerProcess& manager) {
    manager.spawn(nf("forward"), "a", 1, GetParam());
    manager.spawn(nf("forward"), "b", 1, GetParam());
  });
  EXPECT_TRUE(out == replay.sent);
}

TEST_P(Traffic, FramesOfSeveralSegmentsGoThrough) {
  Strings frames;
  for (uint32_t i = 0; i < 60; ++i)
    for (const uint32_t bytes : {70U, 2048U, 2049U, 4096U, 9018U, 65'535U})
      frames.push_back(udp_frame(static_cast<uint16_t>(bytes % 13), i, bytes));
  Replay replay(frames);
  const auto out = replay.run({"a", "b"}, [](ManagerProcess& manager) {
    manager.spawn(nf("forward"), "a", 1, GetParam());
    manager.spawn(nf("forward"), "b", 1, GetParam());
  });
  EXPECT_TRUE(by_flow(out) == by_flow(replay.sent));
}

TEST_P(Traffic, ChainsOf32Hops) {
  Strings hops;
  for (int i = 0; i < 32; ++i) hops.push_back(fmt::format("s{:02}", i));
  Replay replay(frames_of_flows(10, static_cast<uint32_t>(scaled(200))));
  const auto out = replay.run(hops, [&](ManagerProcess& manager) {
    for (const auto& hop : hops) manager.spawn(nf("forward"), hop, 1, GetParam());
  });
  EXPECT_TRUE(by_flow(out) == by_flow(replay.sent));
}

INSTANTIATE_TEST_SUITE_P(Tiers, Traffic, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

TEST(MixedTiers, InOneChainAndOneService) {
  Replay replay(frames_of_flows(60, static_cast<uint32_t>(scaled(150))));
  const auto out = replay.run({"a", "b", "c"}, [](ManagerProcess& manager) {
    manager.spawn(nf("forward"), "a", 2, "fiber");
    manager.spawn(nf("forward"), "b", 2, "process");
    manager.spawn(nf("forward"), "b", 2, "fiber", Json::object(), "another");
    manager.spawn(nf("counter"), "c", 1, "fiber");
    manager.spawn(nf("counter"), "c", 1, "process");
  });
  EXPECT_TRUE(by_flow(out) == by_flow(replay.sent));
}

TEST(Tenants, NeverShareAHost) {
  ManagerProcess manager(simple_config({"a"}, "rate_pps = 1000"));
  manager.spawn(nf("forward"), "a", 2, "fiber", Json::object(), "one");
  manager.spawn(nf("forward"), "a", 2, "fiber", Json::object(), "two");
  EXPECT_EQ(manager.hosts().size(), 2U);
  manager.end();
}

std::string pcap_config(const std::string& path, const std::string& options) {
  return fmt::format("[memory]\npackets = 2048\n[[ports]]\nname = \"in\"\nkind = \"pcap\"\nread = \"{}\"\n{}", path,
                     options);
}

TEST(PcapPort, OnceLoopedAndAtTheRecordedPace) {
  const TempDir folder;
  CaptureFile capture;
  for (uint32_t i = 0; i < 100; ++i) capture.add(udp_frame(1, i, 60), uint64_t{i} * 10'000);  // one second
  const std::string path = folder.file("c.pcap", capture.bytes());
  {
    ManagerProcess once(pcap_config(path, ""));
    EXPECT_TRUE(eventually([&] { return once.figure("received") == 100; }));
    pause_ms(50);
    EXPECT_EQ(once.figure("received"), 100U);
    EXPECT_EQ(once.dropped("no_chain"), 100U);
    once.end();
  }
  {
    ManagerProcess looped(pcap_config(path, "loop = true"));
    EXPECT_TRUE(eventually([&] { return looped.figure("received") > 1'000; }));
    expect_balanced(looped.stats());
    looped.end();
  }
  ManagerProcess recorded(pcap_config(path, "pace = \"recorded\""));
  const Json early = recorded.stats();
  if (early["uptime_s"] < 0.9) {
    EXPECT_LT(early["received"], 100);
  }
  EXPECT_TRUE(eventually([&] { return recorded.figure("received") == 100; }));
  EXPECT_GE(recorded.stats()["uptime_s"], 0.9);
  recorded.end();
}

TEST(PcapPort, CountsRuntsAndOversizeFrames) {
  const TempDir folder;
  CaptureFile capture;
  for (int i = 0; i < 7; ++i) capture.add(std::string(13, 'r'), 0);
  for (int i = 0; i < 3; ++i) capture.add(std::string(70'000, 'o'), 0);
  for (int i = 0; i < 5; ++i) capture.add(std::string(14, 'e'), 0);
  ManagerProcess manager(pcap_config(folder.file("c.pcap", capture.bytes()), ""));
  EXPECT_TRUE(eventually([&] { return manager.figure("received") == 5; }));
  const Json dropped = manager.stats()["ports"][0]["receive_dropped"];
  EXPECT_EQ(dropped["runt"], 7);
  EXPECT_EQ(dropped["oversize"], 3);
  manager.end();
}

}  // namespace
}  // namespace roost::test

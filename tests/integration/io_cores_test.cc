// SPDX-License-Identifier: BSD-3-Clause
// Several io cores, here on one CPU: chains over NFs that are at home with different loops.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "tests/integration/frames.h"
#include "tests/integration/network.h"

namespace roost::test {
namespace {

constexpr char kTwo[] =
    "[cores]\nio_per_cpu = 2\nshared_per_cpu = 2\n[memory]\npackets = 32768\nhugepages = \"never\"\n";

uint64_t of_loop(const Json& stats, uint32_t loop, const char* name) {
  return stats.at("loops").at(loop).at(name).get<uint64_t>();
}

// Each by itself.
void expect_loops_balanced(const Json& stats) {
  for (const Json& loop : stats.at("loops")) EXPECT_TRUE(loop.at("balanced").get<bool>()) << loop;
}

std::set<uint32_t> homes_of(ManagerProcess& manager, const std::string& service) {
  std::set<uint32_t> loops;
  for (const Json& nf : manager.nfs())
    if (nf.at("service") == service) loops.insert(nf.at("loop").get<uint32_t>());
  return loops;
}

// NFs of one service in one process, and so at one loop; another tenant's go elsewhere. Mixed tiers: fiber, process,
// fiber.
void spawn_across(ManagerProcess& manager) {
  manager.spawn(nf("forward"), "one", 4, "fiber");
  manager.spawn(nf("counter"), "two", 3, "process");
  manager.spawn(nf("forward"), "three", 4, "fiber", Json::object(), "other");
}

constexpr uint32_t kFlows = 24, kEach = 400;

TEST(IoCores, AChainAcrossLoopsInMixedTiersKeepsItsOrderAndItsBooks) {
  TempDir folder;
  CaptureFile capture;
  uint64_t time_us = 0;
  for (uint32_t number = 0; number < kEach; ++number)
    for (uint32_t flow = 0; flow < kFlows; ++flow)
      capture.add(udp_frame(static_cast<uint16_t>(flow), number, 80), time_us += 100);
  folder.file("in.pcap", capture.bytes());
  ManagerProcess manager(
      kTwo +
          fmt::format("[[ports]]\nname = \"in\"\nkind = \"pcap\"\nread = \"{}\"\npace = \"recorded\"\nchain = \"c\"\n"
                      "[[ports]]\nname = \"out\"\nkind = \"pcap\"\nwrite = \"{}\"\n",
                      folder.path("in.pcap"), folder.path("out.pcap")) +
          services({"one", "two", "three"}) + chain_of("c", {"one", "two", "three"}, "out"),
      kPaused);
  spawn_across(manager);
  std::set<uint32_t> homes;
  for (const char* service : {"one", "two", "three"}) homes.merge(homes_of(manager, service));
  EXPECT_EQ(homes, (std::set<uint32_t>{0, 1}));
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") == kFlows * kEach; }));
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  expect_loops_balanced(stats);
  EXPECT_EQ(stats.at("transmitted"), kFlows * kEach) << stats;
  EXPECT_EQ(of_loop(stats, 0, "received"), kFlows * kEach);  // ports go to loops in turn
  EXPECT_EQ(of_loop(stats, 1, "transmitted"), kFlows * kEach);
  EXPECT_GE(of_loop(stats, 0, "handed_over"), kFlows * kEach);
  EXPECT_GT(of_loop(stats, 1, "handed_over"), 0U);
  EXPECT_EQ(stats.at("ports").at(1).at("loops"), Json({1}));
  manager.end();
  const auto flows = by_flow(frames_of(folder.path("out.pcap")));
  ASSERT_EQ(flows.size(), kFlows);
  for (const auto& [flow, frames] : flows) {
    ASSERT_EQ(frames.size(), kEach);
    for (uint32_t number = 0; number < kEach; ++number) {
      const size_t at = (frames[number][12] == '\x08' ? 42 : 62) + 2;
      uint32_t found = 0;
      for (size_t i = 0; i < 4; ++i) found = found << 8 | static_cast<uint8_t>(frames[number][at + i]);
      EXPECT_EQ(found, number);
    }
  }
}

TEST(IoCores, AHostIsKilledUnderLoadAndTheBooksBalance) {
  ManagerProcess manager(
      kTwo +
      port_generator("in", "c",
                     "flows = 200\nip_version = \"mixed\"\nrate_pps = 30000\n"
                     "backlog_packets = 1000") +
      port_generator("back", "d", "flows = 200\nrate_pps = 30000\nbacklog_packets = 1000\nseed = 2") +
      port_null("out") + services({"one", "two", "three"}) + chain_of("c", {"one", "two", "three"}, "out") +
      chain_of("d", {"three", "one"}, "out"));
  spawn_across(manager);
  const auto flows_on = [&] {
    const uint64_t before = manager.figure("transmitted");
    return eventually([&] { return manager.figure("transmitted") > before + 2'000; });
  };
  ASSERT_TRUE(flows_on());
  for (int round = 0; round < 3; ++round) {
    const auto hosts = manager.live_hosts();
    ASSERT_FALSE(hosts.empty());
    kill(hosts[static_cast<size_t>(round) % hosts.size()], SIGKILL);
    ASSERT_TRUE(eventually([&] { return manager.live_hosts().size() < hosts.size(); }));
    spawn_across(manager);
    ASSERT_TRUE(flows_on()) << manager.stats();
    expect_balanced(manager.stats());
  }
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  expect_loops_balanced(stats);
  EXPECT_EQ(stats.at("held"), 0);
  EXPECT_EQ(stats.at("refused"), 0);
  EXPECT_EQ(stats.at("breaches"), 0);
  EXPECT_GT(of_loop(stats, 0, "taken_over"), 0U);
  EXPECT_GT(of_loop(stats, 1, "taken_over"), 0U);
  manager.end();
}

TEST(IoCores, RulesCountAtEveryLoopAndLoopsAtRestSleep) {
  ManagerProcess manager(kTwo + port_generator("in", "", "flows = 10\nrate_pps = 20000\ncount = 500") +
                             port_generator("also", "", "flows = 10\nrate_pps = 20000\ncount = 700") +
                             port_null("out") + services({"one"}) + chain_of("c", {"one"}, "out"),
                         kPaused);
  manager.spawn(nf("forward"), "one", 2, "fiber");
  manager.call("rule_add", {{"rules", {"udp port=out"}}});
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("transmitted") == 1'200; })) << manager.stats();
  EXPECT_EQ(manager.call("rule_list").at("rules").at(0).at("hits"), 1'200);
  EXPECT_GT(of_loop(manager.stats(), 1, "received"), 0U);
  ASSERT_TRUE(eventually([&] {
    const Json stats = manager.stats();
    return of_loop(stats, 0, "sleeps") > 3 && of_loop(stats, 1, "sleeps") > 3;
  }));
  manager.end();
}

TEST(IoCores, OneInterfaceIsSharedOutAmongThem) {
  if (const std::string problem = no_namespaces(); !problem.empty()) GTEST_SKIP() << problem;
  const Namespace a, b, roost;
  join(roost, "ra", a);
  join(roost, "rb", b);
  const auto port = [](const char* name, const char* interface, const char* chain) {
    return fmt::format(
        "[[ports]]\nname = \"{}\"\nkind = \"af_packet\"\ninterface = \"{}\"\nchain = \"{}\"\nio = [0, 1]\n", name,
        interface, chain);
  };
  ManagerProcess manager(kTwo + port("a", "ra", "ab") + port("b", "rb", "ba") + services({"one", "two"}) +
                             chain_of("ab", {"one", "two"}, "b") + chain_of("ba", {"two", "one"}, "a"),
                         roost.prefix());
  a.give_addresses("e0", 1);
  b.give_addresses("e0", 2);
  manager.spawn(nf("forward"), "one", 2, "fiber");
  manager.spawn(nf("counter"), "two", 1, "process");
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_TRUE(pings(a, address)) << address;
  EXPECT_EQ(udp_echo(a, b, "10.9.0.2"), "");
  // Each connection is another flow, and falls to either loop.
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(tcp_transfer(a, b, "10.9.0.2", scaled(1'000'000)), "");
    const Json stats = manager.stats();
    return of_loop(stats, 0, "received") > 200 && of_loop(stats, 1, "received") > 200;
  })) << manager.stats();
  const Json stats = manager.stats();
  uint64_t received = 0;
  for (const Json& each : stats.at("ports")) received += each.at("received").get<uint64_t>();
  EXPECT_EQ(received, of_loop(stats, 0, "received") + of_loop(stats, 1, "received"));
  EXPECT_EQ(stats.at("ports").at(0).at("loops"), Json({0, 1}));
  expect_loops_balanced(stats);
  // The interface goes and comes back, and both queues with it.
  roost.expect("ip link del ra");
  ASSERT_TRUE(eventually([&] { return manager.stats().at("ports").at(0).at("link") == "gone"; }));
  join(roost, "ra", a);
  a.give_addresses("e0", 1);
  ASSERT_TRUE(eventually([&] { return manager.stats().at("ports").at(0).at("link") == "up"; }));
  const Json before = manager.stats();
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(tcp_transfer(a, b, "10.9.0.2", scaled(1'000'000)), "");
    const Json now = manager.stats();
    return of_loop(now, 0, "received") > of_loop(before, 0, "received") + 200 &&
           of_loop(now, 1, "received") > of_loop(before, 1, "received") + 200;
  })) << manager.stats();
  manager.end();
}

}  // namespace
}  // namespace roost::test

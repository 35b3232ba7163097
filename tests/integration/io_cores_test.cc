// SPDX-License-Identifier: BSD-3-Clause
// Several io cores, here on one CPU: chains over NFs that are at home with different loops.
#include <gmock/gmock.h>
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

// A veth pair whose end `name` has so many queues each way; flows fall to them as the other end sends.
void join_by_queues(const Namespace& here, const std::string& name, const Namespace& there, int queues) {
  here.expect(
      fmt::format("ip link add {0} numrxqueues {1} numtxqueues {1} type veth peer name e0 numrxqueues {1} numtxqueues "
                  "{1} netns {2}",
                  name, queues, there.pid()));
  here.expect(fmt::format("ip link set {} addrgenmode none up", name));
  there.expect("ip link set e0 addrgenmode none up");
}

std::string at_both(const std::string& name, const std::string& kind, const std::string& what,
                    const std::string& chain) {
  return fmt::format("[[ports]]\nname = \"{}\"\nkind = \"{}\"\n{}\nchain = \"{}\"\nio = [0, 1]\n", name, kind, what,
                     chain);
}

// Two interfaces by this kind of port, and what each has to each loop.
std::string two_interfaces(const std::string& kind) {
  return kTwo + at_both("a", kind, "interface = \"ra\"", "ab") + at_both("b", kind, "interface = \"rb\"", "ba") +
         services({"one", "two"}) + chain_of("ab", {"one", "two"}, "b") + chain_of("ba", {"two", "one"}, "a");
}

// Each connection is another flow, and falls to either loop.
bool both_receive(ManagerProcess& manager, const Namespace& a, const Namespace& b) {
  const Json before = manager.stats();
  return eventually([&] {
    EXPECT_EQ(tcp_transfer(a, b, "10.9.0.2", scaled(1'000'000)), "");
    const Json now = manager.stats();
    return of_loop(now, 0, "received") > of_loop(before, 0, "received") + 200 &&
           of_loop(now, 1, "received") > of_loop(before, 1, "received") + 200;
  });
}

// While nothing is on its way, and nothing comes: kernels send by themselves, too.
void expect_sums(ManagerProcess& manager) {
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  manager.call("resume");
  uint64_t received = 0, transmitted = 0;
  for (const Json& each : stats.at("ports")) {
    received += each.at("received").get<uint64_t>();
    transmitted += each.at("transmitted").get<uint64_t>();
    EXPECT_EQ(each.at("receive_dropped").at("malformed"), 0) << each;
  }
  EXPECT_EQ(received, of_loop(stats, 0, "received") + of_loop(stats, 1, "received"));
  EXPECT_EQ(transmitted, of_loop(stats, 0, "transmitted") + of_loop(stats, 1, "transmitted"));
  expect_balanced(stats);
  expect_loops_balanced(stats);
}

class SharedOut : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    static const std::string problem = no_namespaces();
    if (!problem.empty()) GTEST_SKIP() << problem;
  }
};

TEST_P(SharedOut, AnInterfaceAmongLoopsAndAgainWhenItIsBack) {
  const Namespace a, b, roost;
  join_by_queues(roost, "ra", a, 2);
  join_by_queues(roost, "rb", b, 2);
  ManagerProcess manager(two_interfaces(GetParam()), roost.prefix());
  a.give_addresses("e0", 1);
  b.give_addresses("e0", 2);
  manager.spawn(nf("forward"), "one", 2, "fiber");
  manager.spawn(nf("counter"), "two", 1, "process");
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_TRUE(pings(a, address)) << address;
  EXPECT_EQ(udp_echo(a, b, "10.9.0.2"), "");
  ASSERT_TRUE(both_receive(manager, a, b)) << manager.stats();
  expect_sums(manager);
  const Json stats = manager.stats();
  EXPECT_EQ(stats.at("ports").at(0).at("loops"), Json({0, 1}));
  // Each sends what its own NFs were the last for: data one way, acknowledgements the other.
  for (const uint32_t loop : {0U, 1U}) EXPECT_GT(of_loop(stats, loop, "transmitted"), 0U) << loop;
  // The interface goes and comes back, and both queues with it.
  roost.expect("ip link del ra");
  ASSERT_TRUE(eventually([&] { return manager.stats().at("ports").at(0).at("link") == "gone"; }));
  join_by_queues(roost, "ra", a, 2);
  a.give_addresses("e0", 1);
  ASSERT_TRUE(eventually([&] { return manager.stats().at("ports").at(0).at("link") == "up"; }));
  ASSERT_TRUE(both_receive(manager, a, b)) << manager.stats();
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(Kinds, SharedOut, testing::Values("af_packet", "af_xdp"),
                         [](const auto& kind) { return std::string(kind.param); });

class Queues : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string problem = no_namespaces();
    if (!problem.empty()) GTEST_SKIP() << problem;
  }
};

// The other hands over what leaves there.
TEST_F(Queues, OfAnInterfaceWithOneAreOneLoops) {
  const Namespace a, b, roost;
  join(roost, "ra", a);
  join_by_queues(roost, "rb", b, 3);  // one loop has two of them
  ManagerProcess manager(two_interfaces("af_xdp"), roost.prefix());
  EXPECT_THAT(manager.log(), testing::HasSubstr("port 'a': it has queues for 1 of the 2 io cores"));
  a.give_addresses("e0", 1);
  b.give_addresses("e0", 2);
  manager.spawn(nf("forward"), "one", 2, "fiber");
  manager.spawn(nf("counter"), "two", 1, "process");
  EXPECT_TRUE(pings(a, "10.9.0.2"));
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(tcp_transfer(a, b, "10.9.0.2", scaled(500'000)), "");
    return of_loop(manager.stats(), 1, "received") > 200;
  }));
  expect_sums(manager);
  const Json stats = manager.stats();
  EXPECT_EQ(stats.at("ports").at(0).at("loops"), Json({0}));
  EXPECT_EQ(stats.at("ports").at(1).at("loops"), Json({0, 1}));
  // Back with fewer queues than io cores have had: it says so, and waits for one that has them.
  roost.expect("ip link del rb");
  ASSERT_TRUE(eventually([&] { return manager.stats().at("ports").at(1).at("link") == "gone"; }));
  join(roost, "rb", b);
  ASSERT_TRUE(eventually([&] { return manager.log().find("2 io cores have had one each") != std::string::npos; }));
  EXPECT_EQ(manager.stats().at("ports").at(1).at("link"), "gone");
  manager.end();
}

// By RSS (here the kernel's tap does it).
TEST_F(Queues, OfADeviceAreSharedOut) {
  const Namespace a, b, roost;
  ManagerProcess manager(kTwo + at_both("a", "dpdk", "device = \"net_tap0,iface=ra\"", "ab") +
                             at_both("b", "dpdk", "device = \"net_tap1,iface=rb\"", "ba") + services({"one", "two"}) +
                             chain_of("ab", {"one", "two"}, "b") + chain_of("ba", {"two", "one"}, "a"),
                         roost.prefix());
  EXPECT_THAT(manager.log(), testing::HasSubstr("port 'a': for 2 io cores 2 queues that receive and 2 that send"));
  roost.expect(fmt::format("ip link set ra netns {} name e0", a.pid()));
  roost.expect(fmt::format("ip link set rb netns {} name e0", b.pid()));
  a.give_addresses("e0", 1);
  b.give_addresses("e0", 2);
  manager.spawn(nf("forward"), "one", 2, "fiber");
  manager.spawn(nf("counter"), "two", 1, "process");
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_TRUE(pings(a, address)) << address;
  ASSERT_TRUE(both_receive(manager, a, b)) << manager.stats();
  const Json stats = manager.stats();
  EXPECT_EQ(stats.at("ports").at(0).at("loops"), Json({0, 1}));
  for (const uint32_t loop : {0U, 1U}) EXPECT_GT(of_loop(stats, loop, "transmitted"), 0U) << loop;
  expect_sums(manager);
  // At rest both sleep, until a packet comes at either.
  ASSERT_TRUE(eventually([&] {
    const Json before = manager.stats();
    pause_ms(300);
    const Json after = manager.stats();
    return of_loop(after, 0, "sleeps") - of_loop(before, 0, "sleeps") < 60 &&
           of_loop(after, 1, "sleeps") - of_loop(before, 1, "sleeps") < 60;
  }));
  EXPECT_TRUE(pings(b, "fd09::1"));
  manager.end();
}

// Without RSS one loop receives, and each sends by a queue of its own.
TEST_F(Queues, OfADeviceThatCannotShareOut) {
  const Namespace a, roost;
  join(roost, "ra", a);
  ManagerProcess manager(kTwo + at_both("d", "dpdk", "device = \"net_af_packet0,iface=ra,qpairs=2\"", "c") +
                             port_generator("in", "c", "flows = 64\nrate_pps = 20000\ncount = 4000") +
                             port_generator("also", "c", "flows = 64\nrate_pps = 20000\ncount = 4000") +
                             services({"one"}) + chain_of("c", {"one"}, "d"),
                         roost.prefix());
  EXPECT_THAT(manager.log(), testing::HasSubstr("1 queues that receive and 2 that send; the driver has no RSS"));
  manager.call("pause");
  manager.spawn(nf("forward"), "one", 2, "process");
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") >= 8'000; })) << manager.stats();
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  for (const uint32_t loop : {0U, 1U}) EXPECT_GT(of_loop(stats, loop, "transmitted"), 1'000U) << stats;
  expect_sums(manager);
  manager.end();
}

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// Namespaces that nothing but Roost joins, by AF_PACKET, by AF_XDP and by taps; and devices of DPDK's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/network.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

constexpr char kMemory[] = "[memory]\npackets = 16384\nhugepages = \"never\"\n";

std::string port(const std::string& name, const std::string& kind, const std::string& interface,
                 const std::string& chain = "", const std::string& options = "") {
  return fmt::format("[[ports]]\nname = \"{}\"\nkind = \"{}\"\ninterface = \"{}\"\n{}{}\n", name, kind, interface,
                     chain.empty() ? "" : fmt::format("chain = \"{}\"\n", chain), options);
}

// Two ports, each with a chain of the same three services to the other.
std::string joining_config(const std::string& port_a, const std::string& port_b) {
  return kMemory + port_a + port_b + services({"one", "two", "three"}) + chain_of("ab", {"one", "two", "three"}, "b") +
         chain_of("ba", {"three", "two", "one"}, "a");
}

void spawn_mixed_tiers(ManagerProcess& manager) {
  manager.spawn(nf("forward"), "one", 1, "fiber");
  manager.spawn(nf("counter"), "two", 1, "process");
  manager.spawn(nf("firewall"), "three", 1, "fiber", {{"deny", {"tcp to any port 23"}}, {"default", "allow"}}, "other");
}

Json port_of(const Json& stats, const std::string& name) {
  for (const Json& each : stats.at("ports"))
    if (each.at("name") == name) return each;
  return {};
}

std::string link_of(ManagerProcess& manager, const std::string& name) {
  return port_of(manager.stats(), name).at("link").get<std::string>();
}

void expect_rest(ManagerProcess& manager) {
  uint64_t sleeps = 0, turns = 0;
  EXPECT_TRUE(eventually([&] {
    const Json before = manager.stats();
    const uint64_t cpu_before = cpu_ms(manager.pid());
    pause_ms(500);
    const Json after = manager.stats();
    turns = after.at("turns").get<uint64_t>() - before.at("turns").get<uint64_t>();
    sleeps = after.at("loop_sleeps").get<uint64_t>() - before.at("loop_sleeps").get<uint64_t>();
    return cpu_ms(manager.pid()) - cpu_before <= 20 && sleeps <= 100;  // looking each millisecond would be 500
  })) << sleeps
      << " sleeps, " << turns << " turns";
}

class Interfaces : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string problem = no_namespaces();
    if (!problem.empty()) GTEST_SKIP() << problem;
  }
};

class Joined : public Interfaces, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    Interfaces::SetUp();
    if (IsSkipped()) return;
    a_ = std::make_unique<Namespace>();
    b_ = std::make_unique<Namespace>();
    roost_ = std::make_unique<Namespace>();
    const std::string kind = GetParam();
    if (kind != "tap") {
      join(*roost_, "ra", *a_);
      join(*roost_, "rb", *b_);
    }
    manager_ = std::make_unique<ManagerProcess>(
        joining_config(port("a", kind, "ra", "ab"), port("b", kind, "rb", "ba")), roost_->prefix());
    if (kind == "tap") {
      roost_->expect(fmt::format("ip link set ra netns {} name e0", a_->pid()));
      roost_->expect(fmt::format("ip link set rb netns {} name e0", b_->pid()));
    }
    a_->give_addresses("e0", 1);
    b_->give_addresses("e0", 2);
    spawn_mixed_tiers(*manager_);
  }
  void TearDown() override {
    if (!manager_ || IsSkipped()) return;
    const Json stats = manager_->stats();
    for (const Json& each : stats.at("ports")) {
      EXPECT_EQ(each.at("receive_dropped").at("malformed"), 0) << each;
      EXPECT_EQ(each.at("receive_dropped").at("runt"), 0) << each;
      EXPECT_EQ(each.at("receive_dropped").at("oversize"), 0) << each;
      EXPECT_EQ(each.at("transmit_dropped"), 0) << each;
    }
    EXPECT_EQ(stats.at("refused"), 0);
    manager_->end();
  }

  std::unique_ptr<Namespace> a_, b_, roost_;
  std::unique_ptr<ManagerProcess> manager_;
};

TEST_P(Joined, PingsBothWays) {
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_TRUE(pings(*a_, address)) << address;
  for (const char* address : {"10.9.0.1", "fd09::1"}) EXPECT_TRUE(pings(*b_, address)) << address;
  const Json nfs = manager_->nfs();
  for (const Json& each : nfs) EXPECT_GT(each.at("packets"), 0) << each;
}

TEST_P(Joined, TcpBothWays) {
  const uint64_t bytes = scaled(8'000'000);
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_EQ(tcp_transfer(*a_, *b_, address, bytes), "");
  for (const char* address : {"10.9.0.1", "fd09::1"}) EXPECT_EQ(tcp_transfer(*b_, *a_, address, bytes), "");
  const Json stats = manager_->stats();
  // The senders left cutting to us: what passed is no longer than a wire's packets.
  for (const char* name : {"a", "b"}) {
    const Json each = port_of(stats, name);
    EXPECT_GT(each.at("received_bytes"), 2 * bytes);
    EXPECT_LE(each.at("received_bytes").get<uint64_t>() / each.at("received").get<uint64_t>(), 1'514U) << each;
  }
}

TEST_P(Joined, TcpInLongFramesBothWays) {
  const uint64_t bytes = scaled(4'000'000);
  const std::string kind = GetParam(), mtu = kind == "af_xdp" ? "3000" : "9000";  // AF_XDP's are within a page
  if (kind != "tap")
    for (const char* interface : {"ra", "rb"}) roost_->expect(fmt::format("ip link set {} mtu {}", interface, mtu));
  for (const auto* side : {a_.get(), b_.get()}) side->expect("ip link set e0 mtu " + mtu);
  EXPECT_EQ(tcp_transfer(*a_, *b_, "10.9.0.2", bytes), "");
  EXPECT_EQ(tcp_transfer(*b_, *a_, "fd09::1", bytes), "");
  const Json each = port_of(manager_->stats(), "a");
  EXPECT_LT(each.at("received"), 2 * bytes / 1'500) << each;
}

TEST_P(Joined, UdpBothWays) {
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_EQ(udp_echo(*a_, *b_, address), "");
  for (const char* address : {"10.9.0.1", "fd09::1"}) EXPECT_EQ(udp_echo(*b_, *a_, address), "");
}

// Where the sender finishes everything itself, it is the same.
TEST_P(Joined, WithTheSendersOffloadsOff) {
  if (a_->run("ethtool --version").status != 0) GTEST_SKIP() << "'ethtool' is not installed";
  for (const auto* side : {a_.get(), b_.get()}) side->expect("ethtool -K e0 tx off tso off gso off");
  EXPECT_EQ(tcp_transfer(*a_, *b_, "10.9.0.2", scaled(2'000'000)), "");
  EXPECT_EQ(tcp_transfer(*b_, *a_, "fd09::1", scaled(2'000'000)), "");
}

// A packet wakes the loop; nothing else does, and it looks at nothing meanwhile.
TEST_P(Joined, TheLoopSleepsWhileTheLinkIsQuiet) {
  ASSERT_TRUE(pings(*a_, "10.9.0.2"));
  expect_rest(*manager_);
  const uint64_t before = manager_->figure("loop_sleeps");
  EXPECT_TRUE(pings(*a_, "10.9.0.2"));
  EXPECT_GT(manager_->figure("loop_sleeps"), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Joined, testing::Values("af_packet", "af_xdp", "tap"),
                         [](const auto& kind) { return std::string(kind.param); });

class Link : public Interfaces, public testing::WithParamInterface<const char*> {};

TEST_P(Link, GoesDownAndItsInterfaceVanishesAndBothComeBack) {
  const Namespace roost, a;
  join(roost, "ra", a);
  ManagerProcess manager(kMemory + port("a", GetParam(), "ra", "c") + port("t", "tap", "rt", "d") + services({"s"}) +
                             chain_of("c", {"s"}, "t") + chain_of("d", {"s"}, "a"),
                         roost.prefix());
  manager.spawn(nf("forward"), "s", 1);
  roost.give_addresses("rt", 2);
  a.give_addresses("e0", 1);
  EXPECT_TRUE(pings(a, "10.9.0.2"));
  EXPECT_EQ(link_of(manager, "a"), "up");

  const auto becomes = [&](const std::string& name, const std::string& state) {
    return eventually([&] { return link_of(manager, name) == state; });
  };
  a.expect("ip link set e0 down");
  EXPECT_TRUE(becomes("a", "down"));
  EXPECT_THAT(manager.log(), HasSubstr("port 'a': interface 'ra' is down"));
  a.expect("ip link set e0 up");
  EXPECT_TRUE(becomes("a", "up"));
  EXPECT_TRUE(pings(a, "10.9.0.2"));
  roost.expect("ip link set ra down");
  EXPECT_TRUE(becomes("a", "down"));
  roost.expect("ip link set ra up");
  EXPECT_TRUE(becomes("a", "up"));
  EXPECT_TRUE(pings(a, "10.9.0.2"));

  roost.expect("ip link del ra");
  EXPECT_TRUE(becomes("a", "gone"));
  roost.run("ping -c 1 -W 1 10.9.0.1");  // for nobody
  join(roost, "ra", a);
  a.give_addresses("e0", 1);
  EXPECT_TRUE(becomes("a", "up"));
  EXPECT_TRUE(pings(a, "10.9.0.2"));

  roost.expect("ip link del rt");  // is made anew, without what others gave it
  EXPECT_TRUE(eventually([&] { return roost.run("ip link show rt up").said.find("rt:") != std::string::npos; }));
  EXPECT_TRUE(becomes("t", "up"));
  roost.give_addresses("rt", 2);
  a.expect("ip neigh flush dev e0");  // its hardware address is another one
  EXPECT_TRUE(pings(a, "10.9.0.2"));
  EXPECT_THAT(manager.log(), HasSubstr("port 't': interface 'rt' is gone"));
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(Kinds, Link, testing::Values("af_packet", "af_xdp"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_F(Interfaces, AnXdpProgramEndsWithTheManagerWhateverEndsIt) {
  const Namespace roost, a;
  join(roost, "ra", a);
  ManagerProcess manager(kMemory + port("a", "af_xdp", "ra"), roost.prefix());
  EXPECT_THAT(roost.run("ip link show ra").said, HasSubstr("xdp"));
  manager.kill_now(SIGKILL);
  manager.wait_for_end();
  EXPECT_TRUE(eventually([&] { return roost.run("ip link show ra").said.find("xdp") == std::string::npos; }));
}

// Two managers, joined by a ring in memory that DPDK's memif makes: what one sends the other receives, and balanced.
TEST(Devices, CarryPacketsFromOneManagerToAnother) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "DPDK's memif driver closes descriptors that its own interrupt thread may be at";
#endif
  const TempDir folder;
  const auto device = [&](const std::string& role, const std::string& chain) {
    return fmt::format(
        "[[ports]]\nname = \"m\"\nkind = \"dpdk\"\n{}device = \"net_memif0,role={},socket={},socket-abstract=no\"\n",
        chain, role, folder.path("memif"));
  };
  ManagerProcess to(kMemory + device("server", "chain = \"c\"\n") + port_null("out") + services({"s"}) +
                    chain_of("c", {"s"}, "out"));
  to.spawn(nf("forward"), "s", 2);
  const uint64_t count = scaled(200'000);
  ManagerProcess from(kMemory + port_generator("in", "c", fmt::format("rate_pps = 20000\ncount = {}", count)) +
                          device("client", "") + services({"s"}) + chain_of("c", {"s"}, "m"),
                      kPaused);
  from.spawn(nf("forward"), "s", 2);
  ASSERT_TRUE(eventually([&] { return link_of(from, "m") == "up" && link_of(to, "m") == "up"; }));
  from.call("resume");
  ASSERT_TRUE(eventually([&] { return from.figure("received") == count; }));
  ASSERT_TRUE(from.settled());
  const uint64_t sent = from.figure("transmitted");
  EXPECT_GT(sent, count / 2);
  EXPECT_TRUE(eventually([&] { return to.figure("received") == sent; })) << to.figure("received") << " of " << sent;
  ASSERT_TRUE(to.settled());
  expect_balanced(from.stats());
  expect_balanced(to.stats());
  EXPECT_EQ(port_of(to.stats(), "m").at("received_bytes"), 64 * sent);
  from.end();
  to.end();
}

// By the driver's receive interrupt; it looks at nothing before that.
TEST_F(Interfaces, ADeviceWakesTheLoop) {
  const Namespace roost, a;
  join(roost, "ra", a);
  ManagerProcess manager(
      kMemory + port("a", "af_packet", "ra", "to_d") +
          "[[ports]]\nname = \"d\"\nkind = \"dpdk\"\nchain = \"to_a\"\ndevice = \"net_tap0,iface=rd\"\n" +
          services({"s"}) + chain_of("to_d", {"s"}, "d") + chain_of("to_a", {"s"}, "a"),
      roost.prefix());
  manager.spawn(nf("forward"), "s", 1);
  EXPECT_THAT(manager.log(), HasSubstr("driver net_tap, with receive interrupts"));
  a.give_addresses("e0", 1);
  roost.give_addresses("rd", 2);
  EXPECT_TRUE(pings(a, "10.9.0.2"));
  expect_rest(manager);
  const uint64_t before = port_of(manager.stats(), "d").at("received").get<uint64_t>();
  EXPECT_TRUE(pings(roost, "fd09::1"));
  EXPECT_GT(port_of(manager.stats(), "d").at("received"), before);
  expect_rest(manager);
  manager.end();
}

TEST_F(Interfaces, ATapHasWhatTheConfigurationSaysAndIsRemovedAtTheEnd) {
  const Namespace roost, a;
  join(roost, "ra", a);
  a.give_addresses("e0", 1);
  const std::string addresses =
      "mtu_bytes = 1400\naddresses = [\"10.9.0.2/24\", \"10.9.0.3/24\", \"10.77.0.1/30\", \"fd09::2/64\", "
      "\"fd77::1/126\"]";
  const std::string config = kMemory + port("a", "af_packet", "ra", "c") + port("t", "tap", "rt", "d", addresses) +
                             services({"s"}) + chain_of("c", {"s"}, "t") + chain_of("d", {"s"}, "a");
  {
    ManagerProcess manager(config, roost.prefix());
    manager.spawn(nf("forward"), "s", 1);
    const std::string shown = roost.run("ip addr show rt").said;
    for (const char* part : {"mtu 1400", "inet 10.9.0.2/24", "inet 10.9.0.3/24", "inet 10.77.0.1/30",
                             "inet6 fd09::2/64", "inet6 fd77::1/126"})
      EXPECT_THAT(shown, HasSubstr(part));
    for (const char* address : {"10.9.0.2", "10.9.0.3", "fd09::2"}) EXPECT_TRUE(pings(a, address)) << address;
    EXPECT_TRUE(pings(roost, "10.9.0.1"));
    EXPECT_EQ(link_of(manager, "t"), "up");
    manager.end();
    EXPECT_NE(roost.run("ip link show rt").status, 0);
  }
  ManagerProcess manager(config, roost.prefix());
  manager.kill_now(SIGKILL);
  manager.wait_for_end();
  EXPECT_TRUE(eventually([&] { return roost.run("ip link show rt").status != 0; }));
  EXPECT_EQ(roost.run("ip link show ra").said.find("PROMISC"), std::string::npos);
}

TEST_F(Interfaces, AFullTransmitQueueDropsAndCounts) {
  const Namespace roost, a;
  join(roost, "ra", a);
  if (roost.run("tc qdisc add dev ra root tbf rate 64kbit burst 2000 limit 20000").status != 0)
    GTEST_SKIP() << "no token bucket filter here";
  const uint64_t count = scaled(100'000);
  ManagerProcess manager(kMemory + port_generator("in", "c", fmt::format("rate_pps = 100000\ncount = {}", count)) +
                             port("a", "af_packet", "ra") + services({"s"}) + chain_of("c", {"s"}, "a"),
                         roost.prefix());
  manager.call("pause");
  manager.spawn(nf("forward"), "s", 1);
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") == count; }));
  ASSERT_TRUE(manager.settled());
  expect_balanced(manager.stats());
  EXPECT_GT(manager.dropped("transmit_full"), 0U);
  EXPECT_GT(manager.figure("transmitted"), 0U);
  EXPECT_LT(manager.figure("transmitted"), count / 10);
  manager.end();
}

TEST_F(Interfaces, WhatCannotBeOpenedIsSaidWithItsRemedy) {
  const Namespace roost, a;
  join(roost, "ra", a);
  const TempDir folder;
  const auto said = [&](const std::string& ports, std::vector<std::string> words = {}) {
    const auto prefix = roost.prefix();
    words.insert(words.begin(), prefix.begin(), prefix.end());
    for (const auto& word : {std::string(ROOST_BIN_DIR "/roostd"), std::string("--config"),
                             folder.file("c.toml", kMemory + ports), std::string("--socket"), folder.path("socket")})
      words.push_back(word);
    const Exit exit = run_to_end(words);
    EXPECT_EQ(exit.status, 1) << exit.said;
    return exit.said;
  };
  EXPECT_THAT(said(port("p", "af_packet", "nine")),
              HasSubstr("port 'p': no such interface 'nine'; interfaces here: lo, ra"));
  EXPECT_THAT(said(port("p", "tap", "ra")), HasSubstr("there is an interface of that name"));
  const std::vector<std::string> unprivileged{"setpriv", "--bounding-set=-net_raw,-net_admin"};
  EXPECT_THAT(said(port("p", "af_packet", "ra"), unprivileged), HasSubstr("with CAP_NET_RAW"));
  EXPECT_THAT(said(port("p", "tap", "rt"), unprivileged), HasSubstr("with CAP_NET_ADMIN"));
  EXPECT_THAT(said(port("p", "af_xdp", "nine")),
              HasSubstr("port 'p': no such interface 'nine'; interfaces here: lo, ra"));
  EXPECT_THAT(said(port("p", "af_xdp", "ra"), {"setpriv", "--bounding-set=-net_raw,-net_admin,-bpf,-sys_admin"}),
              HasSubstr("AF_XDP on interface 'ra': "));
  const auto device = [](const std::string& name) {
    return fmt::format("[[ports]]\nname = \"p\"\nkind = \"dpdk\"\ndevice = \"{}\"\n", name);
  };
  EXPECT_THAT(said(device("0000:ff:1f.7")), HasSubstr("bind it to vfio-pci first"));
  EXPECT_THAT(said(device("net_nonesuch0")), HasSubstr("device 'net_nonesuch0': its driver refuses it"));
  EXPECT_THAT(said(port("p", "tap", "rt", "", "addresses = [\"10.0.0.1/24\", \"ff02::1/64\"]")),
              HasSubstr("interface 'rt': address 'ff02::1/64'"));
  EXPECT_NE(roost.run("ip link show rt").status, 0);
  roost.expect("ip link set ra down");
  EXPECT_THAT(said(port("p", "af_packet", "ra")), HasSubstr("interface 'ra' is down; bring it up: ip link set ra up"));
}

}  // namespace
}  // namespace roost::test

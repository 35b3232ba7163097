// SPDX-License-Identifier: BSD-3-Clause
// Hosts that outlive their manager at several io cores, and in domains of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/integration/outliving.h"

namespace roost::test::outlive::apart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string load(uint32_t seed) {
  return fmt::format("flows = 200\nip_version = \"mixed\"\nrate_pps = {}\nbacklog_packets = 1000\nseed = {}\n",
                     scaled(20'000), seed);
}

std::map<uint32_t, Json> by_nf(ManagerProcess& manager, const char* what) {
  std::map<uint32_t, Json> found;
  for (const Json& nf : manager.nfs()) found[nf.at("id").get<uint32_t>()] = nf.at(what);
  return found;
}

// Chains that go to and fro between loops; NFs of both tiers, of two tenants.
TEST(OutliveApart, AtSeveralIoCores) {
  ManagerProcess manager(
      "[cores]\nio_per_cpu = 2\nshared_per_cpu = 2\n[memory]\npackets = 16384\nhugepages = "
      "\"never\"\n" +
      port_generator("in", "c", load(1)) + port_generator("back", "d", load(2)) + port_null("out") +
      services({"one", "two", "three"}) + chain_of("c", {"one", "two", "three"}, "out") +
      chain_of("d", {"three", "one"}, "out") + waits());
  manager.spawn(module("test_tally"), "one", 4, "fiber");
  manager.spawn(nf("counter"), "two", 3, "process");
  manager.spawn(module("test_tally"), "three", 4, "fiber", Json::object(), "other");
  const auto handed_over = [&](uint32_t loop) {
    return manager.stats().at("loops").at(loop).at("handed_over").get<uint64_t>();
  };
  const auto both_hand_over = [&] {
    const uint64_t before[] = {handed_over(0), handed_over(1)};
    return eventually([&] { return handed_over(0) > before[0] + 100 && handed_over(1) > before[1] + 100; });
  };
  ASSERT_TRUE(both_hand_over());
  const auto hosts = sorted(manager.live_hosts());
  const auto homes = by_nf(manager, "loop");
  for (uint32_t round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    kill_manager(manager);
    manager.start_again();
    EXPECT_EQ(sorted(manager.live_hosts()), hosts) << manager.log();
    EXPECT_EQ(by_nf(manager, "loop"), homes);
    EXPECT_TRUE(goes_on(manager)) << manager.stats();
    EXPECT_TRUE(both_hand_over()) << manager.stats();
    EXPECT_TRUE(eventually([&] {
      const auto packets = by_nf(manager, "packets");
      return std::all_of(packets.begin(), packets.end(), [](const auto& each) { return each.second > 0; });
    }));
  }
  // One that was taken back dies as any other.
  kill(hosts.front(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return manager.live_hosts().size() == hosts.size() - 1; }));
  expect_books_close(manager);
  const Json stats = manager.stats();
  for (const Json& loop : stats.at("loops")) EXPECT_TRUE(loop.at("balanced").get<bool>()) << loop;
  EXPECT_EQ(stats.at("refused"), 0);
  manager.end();
}

std::string domains(uint32_t packets, const std::string& tenants) {
  return fmt::format(
             "[memory]\npackets = 8192\nhugepages = \"never\"\n[[domains]]\nname = \"red\"\npackets = {}\n"
             "tenants = [{}]\n",
             packets, tenants) +
         port_generator("in0", "plain", load(1)) + port_null("out0") +
         port_generator("in1", "red", load(2) + "domain = \"red\"\n") + port_null("out1") +
         port_generator("in2", "both", load(3)) + services({"a"}) + "[[services]]\nname = \"b\"\ndomain = \"red\"\n" +
         chain_of("plain", {"a"}, "out0") + chain_of("red", {"b"}, "out1") + chain_of("both", {"a", "b"}, "out0") +
         waits();
}

// Each host has its own domain's new memory, and no other's; what crosses a border goes on crossing it.
TEST(OutliveApart, InDomains) {
  if (geteuid() != 0) GTEST_SKIP() << "hosts' maps are root's to read";
  ManagerProcess manager(domains(4'096, "\"crimson\""));
  for (const char* tier : {"fiber", "process"})
    for (const char* service : {"a", "b"})
      manager.spawn(module("test_tally"), service, 2, tier, Json::object(), "crimson");
  const auto go_on = [&] {
    const auto sent = [&](size_t port) {
      return manager.stats().at("ports").at(port).at("transmitted").get<uint64_t>();
    };
    const uint64_t before[] = {sent(1), sent(3), manager.figure("crossed")};
    return eventually([&] {
      return sent(1) > before[0] + 100 && sent(3) > before[1] + 100 && manager.figure("crossed") > before[2] + 100;
    });
  };
  ASSERT_TRUE(go_on());
  const auto hosts = sorted(manager.live_hosts());
  ASSERT_EQ(hosts.size(), 6U);
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    kill_manager(manager);
    for (const pid_t pid : hosts) EXPECT_TRUE(eventually([pid] { return arenas_of(pid).empty(); }));
    manager.start_again();
    EXPECT_EQ(sorted(manager.live_hosts()), hosts) << manager.log();
    for (const Json& host : manager.hosts())
      EXPECT_THAT(arenas_of(host.at("pid").get<pid_t>()),
                  ElementsAre(host.at("domain") == "red" ? "roost-packets-1" : "roost-packets-0"));
    for (const auto& [nf, domain] : by_nf(manager, "domain"))
      EXPECT_EQ(domain, by_nf(manager, "service").at(nf) == "b" ? "red" : "default");
    EXPECT_TRUE(go_on()) << manager.stats();
  }
  expect_books_close(manager);
  EXPECT_TRUE(eventually([&] { return manager.stats().at("domains").at(1).at("in_use") == 0; }));
  EXPECT_EQ(manager.figure("breaches"), 0U);
  // Who may be where, and in how much memory, is what hosts were started by.
  for (const auto& [packets, tenants] :
       std::vector<std::pair<uint32_t, std::string>>{{2'048, "\"crimson\""}, {2'048, "\"crimson\", \"scarlet\""}}) {
    SCOPED_TRACE(tenants);
    kill_manager(manager);
    manager.start_again(domains(packets, tenants));
    EXPECT_THAT(manager.events(), HasSubstr("the configuration, or Roost itself, is another one now (domains)"));
    EXPECT_TRUE(manager.hosts().empty());
    manager.spawn(nf("forward"), "b", 1, "process", Json::object(), "crimson");
  }
  manager.end();
  for (const pid_t pid : hosts) EXPECT_FALSE(runs(pid));
}

}  // namespace
}  // namespace roost::test::outlive::apart

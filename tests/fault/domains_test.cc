// SPDX-License-Identifier: BSD-3-Clause
// Tenants in domains of their own: what their hosts can see, and what a hostile one can do to others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/fault/neighbours.h"
#include "tests/support/run_program.h"

namespace roost::test::domains_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The honest live in the domain that is always there, with a port of their own; the hostile in another. The third
// port's packets visit both.
std::string config() {
  const std::string load = fmt::format("flows = 200\nrate_pps = {}\nbacklog_packets = 1000\n", scaled(10'000));
  return "[memory]\npackets = 8192\nhugepages = \"never\"\n[hosts]\nseccomp = \"off\"\n"
         "[[domains]]\nname = \"red\"\npackets = 4096\ntenants = [\"crimson\"]\n" +
         port_generator("in0", "good", load) + port_null("out0") +
         port_generator("in1", "bad", load + "domain = \"red\"\n") + port_null("out1") +
         port_generator("in2", "both", load) + services({"honest"}) +
         "[[services]]\nname = \"hostile\"\ndomain = \"red\"\n" + chain_of("good", {"honest"}, "out0") +
         chain_of("bad", {"hostile"}, "out1") + chain_of("both", {"honest", "hostile"}, "out1") +
         "\n[settings]\noverrun_us = 50000\nsweep_rows = 65536\nresume_ms = 0\n";
}

class DomainsOfTenants : public testing::Test {
 protected:
  void spawn_hostile(const std::string& module_path, uint32_t count, const char* tier,
                     Json parameters = Json::object()) {
    manager_.spawn(module_path, "hostile", count, tier, std::move(parameters), "crimson");
  }
  Json domain(size_t number) { return manager_.stats().at("domains").at(number); }

  ManagerProcess manager_{config()};
};

TEST_F(DomainsOfTenants, SeeTheirOwnArenaAndNoOther) {
  EXPECT_THAT(manager_.refusal("spawn", {{"module", nf("forward")}, {"service", "hostile"}, {"count", 1}}),
              HasSubstr("tenant 'default' has no place in domain 'red', which is for crimson"));
  EXPECT_TRUE(manager_.hosts().empty());
  // The same tenant in both domains: two hosts all the same.
  for (const char* service : {"honest", "hostile"})
    for (const char* tier : {"fiber", "process"})
      manager_.spawn(nf("forward"), service, 2, tier, Json::object(), "crimson");
  ASSERT_TRUE(honest_go_on(manager_, 1'000));
  const auto hosts = manager_.hosts();
  ASSERT_EQ(hosts.size(), 6U);
  size_t red = 0;
  for (const Json& host : hosts) {
    const bool is_red = host["domain"] == "red";
    red += is_red;
    EXPECT_THAT(arenas_of(host["pid"].get<pid_t>()), ElementsAre(is_red ? "roost-packets-1" : "roost-packets-0"));
  }
  EXPECT_EQ(red, 3U);
  for (const Json& each : manager_.nfs())
    EXPECT_EQ(each["domain"], each["service"] == "hostile" ? "red" : "default") << each["id"];
  EXPECT_THAT(json_text(manager_.call("totals", {{"by", "domain"}})), HasSubstr("\"name\":\"red\",\"nfs\":4"));

  // Of the three chains one crosses, once: its port receives where the first service lives.
  EXPECT_TRUE(comes_true([&] { return manager_.figure("crossed") > 1'000; }));
  manager_.call("pause");
  ASSERT_TRUE(comes_true([&] { return manager_.figure("held") == 0; }));
  const Json stats = manager_.stats();
  EXPECT_LE(stats["crossed"], stats["ports"][4]["received"]);
  EXPECT_EQ(domain(1)["packets"], 4096);
  EXPECT_EQ(domain(1)["in_use"], 0);
  expect_all_back(manager_);
  manager_.end();
}

struct Deed {
  const char* name;
  const char* report;
};

class HostileInADomain : public DomainsOfTenants, public testing::WithParamInterface<Deed> {};

// All that the hostile one can reach is its own domain's, which it has for itself.
TEST_P(HostileInADomain, HurtsNobodyOfAnother) {
  if (kHostileReported) GTEST_SKIP() << "what a hostile host does to itself would be this test's failure";
  manager_.call("pause");
  manager_.spawn(nf("forward"), "honest", 2, "process");
  manager_.spawn(nf("forward"), "honest", 10);
  const std::vector<pid_t> honest = manager_.live_hosts();
  ASSERT_EQ(honest.size(), 3U);
  manager_.call("resume");
  ASSERT_TRUE(honest_go_on(manager_, 1'000));
  spawn_hostile(module("test_hostile"), 1, "process", {{"deed", GetParam().name}});
  ASSERT_TRUE(comes_true([&] { return manager_.hosts().size() == honest.size(); })) << manager_.events();
  EXPECT_EQ(manager_.live_hosts(), honest);
  EXPECT_THAT(manager_.events(), HasSubstr("(process, tenant 'crimson', pid"));
  EXPECT_THAT(manager_.events(), HasSubstr(GetParam().report));
  ASSERT_TRUE(honest_go_on(manager_, 2'000));
  EXPECT_EQ(manager_.live_hosts(), honest);
  spawn_hostile(nf("forward"), 1, "process");
  const uint64_t crossed = manager_.figure("crossed");
  EXPECT_TRUE(comes_true([&] { return manager_.figure("crossed") > crossed + 200; }));
  expect_all_back(manager_);
  manager_.end();
}

INSTANTIATE_TEST_SUITE_P(Deeds, HostileInADomain,
                         testing::Values(Deed{"others", "gave back a packet that it does not hold; it is killed"},
                                         Deed{"everything", ""}),
                         [](const auto& deed) { return std::string(deed.param.name); });

}  // namespace
}  // namespace roost::test::domains_test

// SPDX-License-Identifier: BSD-3-Clause
// What operators change while packets go through: by the command line, on a real manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Strings = std::vector<std::string>;

class Live : public testing::TestWithParam<const char*> {
 protected:
  Live()
      : manager_(simple_config({"a", "b"}, "flows = 200\nrate_pps = 20000\nbacklog_packets = 1000",
                               "[[services]]\nname = \"c\"\n" + port_null("other") + chain_of("d", {"b"}, "other"))) {
    manager_.call("pause");
    EXPECT_TRUE(manager_.settled());
    early_ = manager_.dropped("no_nf");
    manager_.spawn(nf("forward"), "a", 3, GetParam());
    manager_.spawn(nf("forward"), "b", 2, GetParam());
    manager_.call("resume");
  }
  ~Live() override {
    manager_.call("pause");
    EXPECT_TRUE(manager_.settled());
    const Json stats = manager_.stats();
    expect_balanced(stats);
    for (const auto& [cause, count] : stats["dropped"].items())
      EXPECT_TRUE(cause == "inbox_full" || cause == "backpressure" || cause == "buffer_share" ||
                  allowed_.contains(cause) || (cause == "no_nf" && count == early_))
          << stats["dropped"];
    EXPECT_EQ(stats["refused"], 0);
    EXPECT_EQ(stats["breaches"], 0);
    manager_.end();
  }
  Exit roost(Strings words) {
    words.insert(words.begin(), ROOST_BIN_DIR "/roost");
    words.insert(words.end(), {"--socket", manager_.socket()});
    return run_to_end(words, 120'000);
  }
  std::string said(const Strings& words) {
    const Exit exit = roost(words);
    EXPECT_EQ(exit.status, 0) << exit.said;
    return exit.said;
  }
  std::string refused(const Strings& words) {
    const Exit exit = roost(words);
    EXPECT_EQ(exit.status, 1) << exit.said;
    return exit.said;
  }
  Json of_service(const std::string& service) {
    Json list = Json::array();
    for (const Json& each : manager_.nfs())
      if (each["service"] == service) list.push_back(each);
    return list;
  }
  bool goes_on() {
    const uint64_t before = manager_.figure("transmitted");
    return eventually([&] { return manager_.figure("transmitted") > before + 500; });
  }

  ManagerProcess manager_;
  std::set<std::string> allowed_;
  uint64_t early_ = 0;  // packets that came before there were NFs
};

TEST_P(Live, AServiceGetsMoreNfsLikeThoseThatItHasAndFewer) {
  manager_.call("set", {{"name", "weight"}, {"value", 300}, {"nfs", {of_service("a").back()["id"]}}});
  EXPECT_THAT(said({"scale", "a", "7"}), HasSubstr("service 'a' has 7 NFs: 4 started"));
  Json nfs = of_service("a");
  ASSERT_EQ(nfs.size(), 7U);
  EXPECT_EQ(nfs.back()["tier"], GetParam());
  EXPECT_EQ(nfs.back()["module"], nf("forward"));
  EXPECT_EQ(nfs.back()["weight"], 300);
  ASSERT_TRUE(goes_on());
  EXPECT_THAT(said({"scale", "a", "7"}), HasSubstr("as before"));
  EXPECT_THAT(said({"scale", "a", "1"}), HasSubstr("service 'a' has 1 NF: 6 stopped"));
  EXPECT_EQ(of_service("a").size(), 1U);
  ASSERT_TRUE(goes_on());
  EXPECT_THAT(refused({"scale", "a", "0"}),
              AllOf(HasSubstr("these chains dropped (no_nf): c"), HasSubstr("'roost stop --service a'")));
  EXPECT_THAT(refused({"scale", "c", "2"}), HasSubstr("'roost spawn MODULE --service c' starts the first"));
  EXPECT_THAT(refused({"scale", "x", "2"}), HasSubstr("service 'x': there is none"));
  EXPECT_EQ(of_service("a").size(), 1U);
}

TEST_P(Live, NfsThatAHostTookDownComeBackByScale) {
  allowed_ = {"host_died", "no_nf"};
  for (const pid_t pid : manager_.live_hosts()) kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return manager_.nfs().empty(); }));
  said({"scale", "a", "2"});
  said({"scale", "b", "1"});
  EXPECT_EQ(of_service("a").size(), 2U);
  EXPECT_TRUE(goes_on());
  EXPECT_THAT(said({"events", "--kind", "host"}), HasSubstr("was killed by signal 9"));
}

TEST_P(Live, AnUpgradeBringsTheNewModuleAndEndsTheOld) {
  const Json before = of_service("a");
  EXPECT_THAT(said({"upgrade", "a", nf("counter")}), HasSubstr("3 NFs started, 3 stopped"));
  const Json after = of_service("a");
  ASSERT_EQ(after.size(), 3U);
  for (const Json& each : after) {
    EXPECT_EQ(each["module"], nf("counter"));
    EXPECT_EQ(each["tier"], GetParam());
    for (const Json& old : before) EXPECT_NE(each["id"], old["id"]);
  }
  ASSERT_TRUE(goes_on());
  EXPECT_TRUE(eventually([&] {
    uint64_t packets = 0;
    for (const Json& each : of_service("a")) packets += each["packets"].get<uint64_t>();
    return packets > 500;
  }));
  EXPECT_THAT(said({"scale", "a", "4"}), HasSubstr("1 started"));
  EXPECT_EQ(of_service("a").back()["module"], nf("counter"));  // like the new ones
}

TEST_P(Live, AnUpgradeThatFailsLeavesTheOldNfs) {
  const Json before = of_service("a");
  const auto hosts = manager_.live_hosts();
  EXPECT_THAT(refused({"upgrade", "a", module("test_crash"), "--config", R"({"at": "start"})"}),
              AllOf(HasSubstr("died over 'start'"), HasSubstr("are still in service"),
                    HasSubstr(std::string(GetParam()) == "fiber" ? "its process was killed by signal 11" : "start")));
  EXPECT_THAT(refused({"upgrade", "a", module("test_fussy")}), HasSubstr("are still in service"));
  EXPECT_THAT(refused({"upgrade", "a", module("test_other_abi")}), HasSubstr("build it again"));
  EXPECT_THAT(refused({"upgrade", "a", module("test_plain")}), HasSubstr("not a Roost NF module"));
  EXPECT_THAT(refused({"upgrade", "c", nf("forward")}), HasSubstr("has no NFs"));
  Json after = of_service("a");
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i]["id"], before[i]["id"]);
  for (const pid_t pid : hosts) EXPECT_TRUE(runs(pid));
  EXPECT_TRUE(eventually([&] { return manager_.live_hosts().size() == hosts.size(); }));
  EXPECT_TRUE(goes_on());
  EXPECT_THAT(said({"scale", "a", "4"}), HasSubstr("1 started"));
  EXPECT_EQ(of_service("a").back()["module"], nf("forward"));
}

// In tier fiber with the old ones, whose host it is, and so much sooner than packets are waited for.
TEST_P(Live, AnUpgradeToNfsThatDieOfPacketsSaysSo) {
  if (std::string(GetParam()) != "fiber") GTEST_SKIP() << "a host of its own may die when the upgrade is done";
  allowed_ = {"host_died", "no_nf", "inbox_full", "backpressure"};
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(refused({"upgrade", "a", module("test_crash"), "--config", R"({"at": "packet"})"}),
              AllOf(HasSubstr("3 of 3 new NFs have died"), HasSubstr("'roost events'"), HasSubstr("has 0 NFs now")));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(kSanitized ? 60'000 : 2'900));
  EXPECT_THAT(said({"events", "--kind", "host"}), HasSubstr("signal 11"));
  said({"spawn", nf("forward"), "--service", "a"});
  said({"spawn", nf("forward"), "--service", "b"});
  EXPECT_TRUE(goes_on());
}

TEST_P(Live, ChainsComeChangeAndGo) {
  EXPECT_THAT(said({"chain", "list"}), AllOf(HasSubstr("c      in    out"), HasSubstr("a > b")));
  EXPECT_THAT(said({"chain", "add", "e", "b", "a", "--out", "other"}), HasSubstr("chain 'e' is there: b > a"));
  EXPECT_THAT(refused({"chain", "add", "e", "b", "--out", "other"}), HasSubstr("'roost chain set' changes it"));
  EXPECT_THAT(refused({"chain", "add", "f", "a", "b", "a", "--out", "out"}), HasSubstr("a loop"));
  EXPECT_THAT(refused({"chain", "add", "f", "a", "z", "--out", "out"}), HasSubstr("there is no service 'z'"));
  EXPECT_THAT(refused({"chain", "add", "f", "a", "--out", "up"}), HasSubstr("there is no port 'up'"));
  EXPECT_THAT(refused({"chain", "add", "f/g", "a", "--out", "out"}), HasSubstr("not a name"));
  EXPECT_THAT(refused({"chain", "set", "f", "a"}), HasSubstr("chains here: c, d, e"));
  EXPECT_THAT(refused({"chain", "set", "c", "a", "a"}), HasSubstr("a loop"));
  EXPECT_THAT(refused({"chain", "del", "c"}), HasSubstr("'roost port set in --chain"));
  EXPECT_THAT(refused({"port", "set", "in", "--chain", "f"}), HasSubstr("there is none"));
  EXPECT_THAT(refused({"port", "set", "up", "--chain", "c"}), HasSubstr("ports here: in, out, other"));

  const auto out_of = [&](const std::string& port) -> uint64_t {
    const Json ports = manager_.call("ports")["ports"];
    for (const Json& each : ports)
      if (each["name"] == port) return each["transmitted"];
    return 0;
  };
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(out_of("other"), 0U);
  said({"port", "set", "in", "--chain", "e"});
  EXPECT_TRUE(eventually([&] { return out_of("other") > 500; }));
  said({"chain", "set", "e", "--out", "out"});
  const uint64_t out = out_of("out");
  EXPECT_TRUE(eventually([&] { return out_of("out") > out + 500; }));
  said({"chain", "set", "e", "a"});
  uint64_t of_b = 0;
  EXPECT_TRUE(eventually([&] {  // what was on its way has arrived; no more comes to b
    uint64_t now = 0;
    for (const Json& each : of_service("b")) now += each["packets"].get<uint64_t>();
    return std::exchange(of_b, now) == now;
  }));
  EXPECT_TRUE(goes_on());
  said({"port", "set", "in", "--chain", "c"});
  said({"chain", "del", "e"});
  EXPECT_THAT(said({"chain", "list"}), testing::Not(HasSubstr("e  ")));
  EXPECT_TRUE(goes_on());
  said({"port", "set", "in", "--no-chain"});
  allowed_ = {"no_chain"};
  EXPECT_TRUE(eventually([&] { return manager_.dropped("no_chain") > 0; }));
  EXPECT_THAT(said({"events", "--kind", "chain"}), HasSubstr("chain 'e' is gone"));
}

TEST_P(Live, PsSumsUpAndPortsAreListed) {
  ASSERT_TRUE(goes_on());
  const Json by_service = manager_.call("totals", {{"by", "service"}})["groups"];
  ASSERT_EQ(by_service.size(), 3U);
  EXPECT_EQ(by_service[0]["name"], "a");
  EXPECT_EQ(by_service[0]["nfs"], 3);
  EXPECT_GT(by_service[0]["packets"].get<uint64_t>(), 0U);
  EXPECT_EQ(by_service[2]["nfs"], 0);
  for (const char* by : {"tenant", "tier", "core"}) {
    uint64_t nfs = 0;
    const Json groups = manager_.call("totals", {{"by", by}})["groups"];
    for (const Json& group : groups) nfs += group["nfs"].get<uint64_t>();
    EXPECT_EQ(nfs, 5U) << by;
  }
  EXPECT_THAT(said({"ps", "--by", "tier"}), HasSubstr(GetParam()));
  EXPECT_THAT(manager_.refusal("totals", {{"by", "color"}}),
              HasSubstr("there are service, tenant, domain, tier and core"));
  EXPECT_THAT(said({"port", "list"}), AllOf(HasSubstr("generator"), HasSubstr("null")));
}

TEST_P(Live, EventsAreNumberedAndTellWhatWasDone) {
  const Json first = manager_.call("events");
  EXPECT_EQ(first["events"].size(), 2U);  // two spawns
  said({"scale", "a", "2"});
  const Json then = manager_.call("events", {{"after", first["last"]}});
  ASSERT_EQ(then["events"].size(), 1U);
  EXPECT_EQ(then["events"][0]["number"], first["last"].get<uint64_t>() + 1);
  EXPECT_EQ(then["events"][0]["kind"], "nf");
  EXPECT_TRUE(manager_.call("events", {{"after", 1'000'000}})["events"].empty());
  EXPECT_TRUE(manager_.call("ps")["events"].empty());  // none of that was trouble
}

INSTANTIATE_TEST_SUITE_P(Tiers, Live, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// Rules that come, change and go under traffic, in a real manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/integration/manager_process.h"

namespace roost::test::rules_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Ports "in" (a generator, whose chain is a), "wan" and "out"; chains a and b over services of these names.
std::string config(const std::string& generator, const std::string& more = "") {
  return "[memory]\npackets = 8192\nhugepages = \"never\"\n" + port_generator("in", "a", generator) + port_null("wan") +
         port_null("out") + services({"a", "b"}) + chain_of("a", {"a"}, "out") + chain_of("b", {"b"}, "out") + more;
}

struct Rules {
  explicit Rules(ManagerProcess& manager) : answer(manager.call("rule_list")) {}
  uint64_t hits(uint64_t id) const {
    for (const Json& rule : answer.at("rules"))
      if (rule.at("id") == id) return rule.at("hits");
    return 0;
  }
  uint64_t unmatched() const { return answer.at("unmatched").at("hits"); }
  uint64_t all() const {
    uint64_t sum = unmatched();
    for (const Json& rule : answer.at("rules")) sum += rule.at("hits").get<uint64_t>();
    return sum;
  }
  Json answer;
};

uint64_t delivered_to(ManagerProcess& manager, const std::string& service) {
  uint64_t sum = 0;
  for (const Json& each : manager.nfs())
    if (each.at("service") == service) sum += each.at("packets").get<uint64_t>();
  return sum;
}

uint64_t sent_by(ManagerProcess& manager, const std::string& port) {
  const Json stats = manager.stats();
  for (const Json& each : stats.at("ports"))
    if (each.at("name") == port) return each.at("transmitted");
  return 0;
}

TEST(RulesTest, SteerCountAndDropUnderTraffic) {
  ManagerProcess manager(config("flows = 800\nrate_pps = 20000"));
  manager.call("pause");
  for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 4);
  const auto before = manager.figure("received");  // dropped: there were no NFs
  const Json added = manager.call("rule_add", {{"rules",
                                                {"src=10.0.0.0/9 udp chain=b", "priority=2000 src=10.64.0.0/10 drop",
                                                 "priority=2000 src=10.128.0.0/10 port=wan"}}});
  EXPECT_EQ(added.at("count"), 3);
  EXPECT_TRUE(added.at("warnings").empty());
  const auto first = added.at("first").get<uint64_t>();
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") > 4'000; }));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  const Rules rules(manager);
  EXPECT_EQ(before + rules.all(), stats.at("received"));
  EXPECT_EQ(rules.hits(first + 1), manager.dropped("by_rule"));
  EXPECT_EQ(rules.hits(first + 2), sent_by(manager, "wan"));
  const uint64_t refused = dropped_total(stats) - manager.dropped("by_rule") - before;  // where NFs got no time
  EXPECT_EQ(rules.hits(first) + rules.unmatched(), delivered_to(manager, "a") + delivered_to(manager, "b") + refused);
  EXPECT_LE(delivered_to(manager, "b"), rules.hits(first));
  EXPECT_LE(delivered_to(manager, "a"), rules.unmatched());
  for (const uint64_t count : {rules.hits(first), rules.hits(first + 1), rules.hits(first + 2), rules.unmatched()})
    EXPECT_GT(count, 400U);
  EXPECT_LE(stats.at("rule_lookups").get<uint64_t>(), 2'000U) << "800 flows";

  // Another way for those that were dropped; the others stay where they are.
  const auto to_wan = sent_by(manager, "wan");
  manager.call("resume");
  manager.call("rule_add", {{"rules", {"priority=2000 src=10.64.0.0/10 port=wan"}}, {"replace", {first + 1}}});
  const auto dropped = manager.dropped("by_rule");
  ASSERT_TRUE(eventually([&] { return Rules(manager).hits(first + 3) > 1'000; }));
  EXPECT_EQ(manager.dropped("by_rule"), dropped);
  EXPECT_GT(sent_by(manager, "wan"), to_wan + 1'000);
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  manager.call("rule_del", {{"all", true}});
  const auto b = delivered_to(manager, "b");
  const auto more = manager.figure("received") + 4'000;
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") > more; }));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  EXPECT_EQ(delivered_to(manager, "b"), b);
  EXPECT_EQ(manager.dropped("by_rule"), dropped);
  expect_balanced(manager.stats());
  manager.end();
}

TEST(RulesTest, ManyRandomChangesUnderTraffic) {
  ManagerProcess manager(config("flows = 500\nrate_pps = 20000\nip_version = \"mixed\"",
                                "[[rules]]\nmatch = \"ipv6\"\nchain = \"b\"\npriority = 5\n"));
  for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 4);
  std::mt19937 random(5);
  const auto random_rule = [&] {
    static const char* const matches[] = {"udp dport=1-512", "src=10.0.0.0/9",
                                          "vlan=7",          "vlan=none udp dport=513-700",
                                          "dscp=ef",         "eth_src=02:00:00:00:00:01 in=in",
                                          "src=2001:2::/48", "arp",
                                          "icmp icmp_type=8"};
    static const char* const actions[] = {"chain=a", "chain=b", "port=wan", "drop"};
    return fmt::format("priority={} {} {}", random() % 3, matches[random() % std::size(matches)],
                       actions[random() % 4]);
  };
  std::vector<uint32_t> ids;
  for (uint64_t round = 0; round < scaled(150); ++round) {
    if (random() % 3 == 0 && !ids.empty()) {
      const size_t which = random() % ids.size();
      manager.call("rule_del", {{"ids", {ids[which]}}});
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(which));
    } else if (random() % 3 == 0 && !ids.empty()) {
      const Json answer = manager.call("rule_add", {{"rules", {random_rule(), random_rule()}}, {"replace", {ids[0]}}});
      ids[0] = answer.at("first");
      ids.push_back(ids[0] + 1);
    } else {
      ids.push_back(manager.call("rule_add", {{"rules", {random_rule()}}}).at("first"));
    }
    EXPECT_EQ(manager.stats().at("rules"), ids.size() + 1);
  }
  manager.call("rule_del", {{"all", true}});
  const auto more = manager.figure("received") + 2'000;
  ASSERT_TRUE(eventually([&] { return manager.figure("received") > more; }));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats.at("refused"), 0);
  EXPECT_EQ(stats.at("breaches"), 0);
  EXPECT_GT(delivered_to(manager, "a"), 0U);
  EXPECT_GT(delivered_to(manager, "b"), 0U);
  manager.end();
}

TEST(RulesTest, EndByThemselvesAndSaySo) {
  ManagerProcess manager(config("flows = 10\nrate_pps = 2000"));
  manager.spawn(nf("forward"), "a", 1);
  manager.call("rule_add",
               {{"rules", {"udp chain=a hard=2", "priority=2000 tcp drop idle=1", "priority=9 udp drop idle=1"}}});
  EXPECT_EQ(manager.figure("rules"), 3U);
  ASSERT_TRUE(
      eventually([&] { return manager.has_event("rule 2 (priority 2000, tcp, drop) has ended: no packet for 1 s"); }));
  ASSERT_TRUE(eventually(
      [&] { return manager.has_event("rule 1 (priority 1000, udp, chain=a) has ended: its 2 s are over"); }));
  ASSERT_TRUE(eventually([&] { return manager.figure("rules") == 0; }));
  EXPECT_TRUE(manager.has_event("rule 3")) << "it was shadowed";
  // One that has packets stays.
  const uint64_t id = manager.call("rule_add", {{"rules", {"udp chain=a idle=3"}}}).at("first");
  ASSERT_TRUE(eventually([&] { return Rules(manager).hits(id) > 8'000; }));
  EXPECT_EQ(manager.figure("rules"), 1U);
  manager.call("pause");
  ASSERT_TRUE(eventually([&] { return manager.figure("rules") == 0; }));
  ASSERT_TRUE(manager.settled());
  expect_balanced(manager.stats());
  manager.end();
}

TEST(RulesTest, BadRequestsChangeNothing) {
  ManagerProcess manager(config("flows = 10\nrate_pps = 1000"));
  manager.call("rule_add", {{"rules", {"udp chain=a"}}});
  EXPECT_THAT(manager.refusal("rule_add", {{"rules", {"tcp drop", "tcp dprot=1 drop", "chain=c"}}}),
              AllOf(HasSubstr("2 of 3 rules are wrong, none was added"),
                    HasSubstr("rule 2: 'dprot=1' isn't known; did you mean 'dport'?"),
                    HasSubstr("rule 3: there is no chain 'c'")));
  EXPECT_THAT(manager.refusal("rule_add", {{"rules", {"tcp drop"}}, {"replace", {1, 7}}}),
              HasSubstr("rule 7: there is none; nothing was changed"));
  EXPECT_THAT(manager.refusal("rule_add", {{"rules", Json::array()}}), HasSubstr("'rules' names none"));
  EXPECT_THAT(manager.refusal("rule_add", {{"rules", "tcp drop"}}), HasSubstr("'rules' has the wrong type"));
  EXPECT_THAT(manager.refusal("rule_add"), HasSubstr("'rules' names none"));
  EXPECT_THAT(manager.refusal("rule_del", {{"ids", {9}}}), HasSubstr("rule 9: there is none"));
  EXPECT_THAT(manager.refusal("rule_del"), HasSubstr("say which: ids or all"));
  EXPECT_THAT(manager.refusal("rule_show", {{"id", 9}}), HasSubstr("rule 9: there is none"));
  EXPECT_THAT(manager.refusal("rule_list", {{"after", 9}}), HasSubstr("rule 9: there is none"));
  EXPECT_THAT(manager.refusal("rule_fly"), HasSubstr("no method is called 'rule_fly'"));
  const Json warned = manager.call("rule_add", {{"rules", {"udp dport=53 drop"}}});
  EXPECT_THAT(warned.at("warnings").at(0).get<std::string>(),
              HasSubstr("rule 2 (udp dport=53, priority 1000) is never reached: rule 1 (udp, priority 1000)"));
  EXPECT_EQ(manager.call("rule_show", {{"id", 2}}).at("shadowed_by"), 1);
  EXPECT_EQ(manager.figure("rules"), 2U);
  manager.end();
}

// By the command line, 100,000 in one go.
TEST(RulesTest, ManyAtOnceFromAFile) {
  ManagerProcess manager(config("flows = 1000\nrate_pps = 5000"));
  manager.spawn(nf("forward"), "a", 1);
  const uint64_t count = scaled(100'000);
  std::string text = "# a comment\n\n";
  for (uint64_t i = 0; i < count; ++i)
    text += fmt::format("src=10.{}.{}.{} udp dport={} chain=a\n", i >> 16, i >> 8 & 255, i & 255, 1 + i % 1'000);
  const std::string file = manager.folder().file("rules.txt", text);
  const std::string roost = ROOST_BIN_DIR "/roost";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), roost);
    words.insert(words.end(), {"--socket", manager.socket()});
    return run_to_end(words, 120'000);
  };
  const Exit added = run({"rule", "add", "--file", file});
  EXPECT_EQ(added.status, 0) << added.said;
  EXPECT_THAT(added.said, HasSubstr(fmt::format("rules 1 to {} added", count)));
  EXPECT_EQ(manager.figure("rules"), count);
  EXPECT_EQ(manager.call("rule_list", {{"after", 5'000}, {"limit", 3}}).at("rules").at(0).at("id"), 5'001);
  const Exit listed = run({"rule", "list", "--limit", "2"});
  EXPECT_THAT(listed.said, AllOf(HasSubstr("udp src=10.0.0.0 dport=1"), HasSubstr("chain=a"), HasSubstr("2 of ")));
  EXPECT_THAT(run({"rule", "show", "2"}).said, AllOf(HasSubstr("match"), HasSubstr("udp src=10.0.0.1 dport=2")));
  EXPECT_THAT(run({"rule", "add", "--replace", "1-10", "tcp", "dport=80", "port=wan"}).said,
              HasSubstr(fmt::format("rule {} added, 10 removed", count + 1)));
  EXPECT_THAT(run({"rule", "del", "--all"}).said, HasSubstr("removed, 0 left"));
  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  expect_balanced(manager.stats());
  manager.end();
}

}  // namespace
}  // namespace roost::test::rules_test

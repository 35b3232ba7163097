// SPDX-License-Identifier: BSD-3-Clause
// Hosts that move between shared cores under traffic. There is one CPU for NFs here, so it carries two shared cores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/integration/frames.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

// As often as it goes: each millisecond, for a hundredth of a core.
constexpr const char* kRestless = "rebalance_ms = 1\nrebalance_margin_percent = 1\nshare_period_ms = 1\n";
constexpr const char* kTwoCores = "[cores]\nshared_per_cpu = 2\n";

class Rebalance : public testing::TestWithParam<const char*> {};

// Three services on two cores, and traffic for two of them at a time, each pair in turn: whichever two share a core, it
// is soon their turn.
struct Pairs {
  static constexpr uint32_t kFlows = 7, kPhase_us = 50'000, kGap_us = 100;
  static constexpr std::array<std::array<const char*, 2>, 3> kChains{{{"a", "b"}, {"b", "c"}, {"c", "a"}}};
  static inline const uint32_t phases = static_cast<uint32_t>(scaled(60, 4));

  Pairs() {
    std::array<CaptureFile, 3> captures;
    uint32_t number = 0;
    const auto add = [&](uint32_t chain, uint64_t time_us) {
      sent.push_back(udp_frame(static_cast<uint16_t>(kFlows * chain + number % kFlows), number, 70));
      captures[chain].add(sent.back(), time_us);
      ++number;
    };
    for (uint32_t chain = 0; chain < 3; ++chain) add(chain, 0);  // from where a replay counts
    for (uint32_t phase = 0; phase < phases; ++phase)
      for (uint32_t at_us = kGap_us; at_us <= kPhase_us; at_us += kGap_us)
        add(phase % 3, uint64_t{phase} * kPhase_us + at_us);
    config = "[memory]\npackets = 65536\nhugepages = \"never\"\n";
    for (uint32_t chain = 0; chain < 3; ++chain) {
      const std::string name = fmt::format("c{}", chain);
      const auto& [first, second] = kChains[chain];
      config += fmt::format(
          "[[ports]]\nname = \"in{}\"\nkind = \"pcap\"\nread = \"{}\"\npace = \"recorded\"\nchain = \"{}\"\n", chain,
          folder.file(name + ".pcap", captures[chain].bytes()), name);
      config += chain_of(name, {first, second}, "out");
    }
    config += fmt::format("[[ports]]\nname = \"out\"\nkind = \"pcap\"\nwrite = \"{}\"\n", to) +
              services({"a", "b", "c"}) + kTwoCores + "[settings]\ninbox_slots = 16384\n" + kRestless;
  }

  TempDir folder;
  std::string config, to = folder.path("out.pcap");
  std::vector<std::string> sent;
};

TEST_P(Rebalance, EveryPacketArrivesInItsOrderWhileWorkersMove) {
  Pairs pairs;
  ManagerProcess manager(pairs.config, kPaused);
  // In tier fiber too each service's NF is a host of its own: its tenant's.
  for (const char* service : {"a", "b", "c"})
    manager.spawn(nf("busy"), service, 1, GetParam(), {{"cycles", 20'000}}, fmt::format("tenant {}", service));
  manager.call("resume");
  EXPECT_TRUE(eventually([&] { return manager.figure("received") == pairs.sent.size() && manager.figure("held") == 0; },
                         std::chrono::minutes(2)));
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(dropped_total(stats), 0U) << json_text(stats, 1);
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  EXPECT_GE(stats["moves"].get<uint64_t>(), Pairs::phases / 6) << "half of what there is reason for";
  // The control side hears of each move, if later.
  EXPECT_TRUE(eventually([&] {
    uint64_t moves = 0;
    for (const Json& host : manager.hosts()) moves += host["moves"].get<uint64_t>();
    return moves == manager.figure("moves");
  }));
  for (const Json& host : manager.hosts()) {
    const auto cpu = host["core"].get<int>();
    EXPECT_THAT(host["core_name"], testing::AnyOf(fmt::format("{}/0", cpu), fmt::format("{}/1", cpu)));
  }
  manager.end();
  for (auto& frame : pairs.sent) frame[0] = static_cast<char>(frame[0] + 2);  // as its two NFs have left it
  const auto came = by_flow(frames_of(pairs.to));
  EXPECT_EQ(came.size(), 3 * Pairs::kFlows);
  for (const auto& [flow, frames] : by_flow(pairs.sent)) {
    const auto found = came.find(flow);
    ASSERT_NE(found, came.end());
    EXPECT_TRUE(found->second == frames) << found->second.size() << " of " << frames.size() << ", or out of order";
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, Rebalance, testing::Values("process", "fiber"),
                         [](const auto& tier) { return std::string(tier.param); });

// Two that have more to do than a core can, among others that have nothing, do not stay on one core.
TEST(RebalanceOf, BusyHostsPartAndIdleOnesStay) {
  std::string config = "[memory]\npackets = 8192\nhugepages = \"never\"\n" + port_null("out");
  for (const char* name : {"a", "c"})
    config += port_generator(fmt::format("in{}", name), fmt::format("c{}", name),
                             "rate_pps = 200000\nbacklog_packets = 256") +
              chain_of(fmt::format("c{}", name), {name}, "out");
  ManagerProcess manager(config + services({"a", "b", "c", "d"}) + kTwoCores, kPaused);
  for (const char* service : {"a", "b", "c", "d"})
    manager.spawn(nf("busy"), service, 1, "process", {{"cycles", 20'000}});
  const auto core_of = [&](const std::string& service) {
    for (const Json& each : manager.nfs())
      if (each["service"] == service) return each["core_name"].get<std::string>();
    return std::string("none");
  };
  EXPECT_NE(core_of("a"), core_of("b"));  // each where least was
  EXPECT_EQ(core_of("a"), core_of("c"));
  EXPECT_EQ(core_of("b"), core_of("d"));
  const std::string b = core_of("b");
  manager.call("resume");
  EXPECT_TRUE(eventually([&] { return core_of("a") != core_of("c"); })) << json_text(manager.stats());
  EXPECT_EQ(core_of("b"), b);
  EXPECT_EQ(core_of("d"), b);
  EXPECT_GE(manager.figure("moves"), 1U);
  manager.call("pause");
  EXPECT_TRUE(manager.settled());
  expect_balanced(manager.stats());
  manager.end();
}

// With the standard configuration there is nowhere to go.
TEST(RebalanceOf, OneSharedCoreIsNone) {
  ManagerProcess manager(simple_config({"a", "b"}, "rate_pps = 50000", std::string("[settings]\n") + kRestless));
  for (const char* service : {"a", "b"}) manager.spawn(nf("busy"), service, 1, "process", {{"cycles", 10'000}});
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") > 2'000; }));
  EXPECT_EQ(manager.figure("moves"), 0U);
  for (const Json& host : manager.hosts()) EXPECT_EQ(host["core_name"], std::to_string(host["core"].get<int>()));
  manager.call("pause");
  EXPECT_TRUE(manager.settled());
  manager.end();
}

}  // namespace
}  // namespace roost::test

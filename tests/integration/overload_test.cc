// SPDX-License-Identifier: BSD-3-Clause
// More than can be done: nobody pins the packet memory, and no work is done on packets that are dropped later.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using Strings = std::vector<std::string>;

constexpr std::chrono::milliseconds kPatience(120'000);

// Two ports with a chain each, of a service each; both leave by the third port.
std::string two_chains(const std::string& hog_options, const std::string& other_options, const std::string& more = "") {
  return "[memory]\npackets = 8192\nhugepages = \"never\"\n" + port_generator("hog", "h", hog_options) +
         port_generator("other", "o", other_options) + port_null("out") + services({"hog", "other"}) +
         chain_of("h", {"hog"}, "out") + chain_of("o", {"other"}, "out") + more;
}

class Hoarder : public testing::TestWithParam<const char*> {};

// The one's packets never come back; the other's all arrive.
TEST_P(Hoarder, DoesNotKeepOthersFromTheirTraffic) {
  const uint64_t hoarded = 100'000, passed = scaled(10'000);
  ManagerProcess manager(two_chains(fmt::format("rate_pps = 100000\ncount = {}", hoarded),
                                    fmt::format("rate_pps = 5000\ncount = {}", passed)));
  manager.call("pause");
  const Json before = manager.stats();  // what came before there were NFs
  const auto received = [](const Json& stats, size_t port) { return stats["ports"][port]["received"].get<uint64_t>(); };
  manager.spawn(module("test_hoard"), "hog", 1, GetParam(), Json::object(), "hostile");
  manager.spawn(nf("forward"), "other", 1, GetParam(), Json::object(), "honest");
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") == hoarded + passed; }, kPatience))
      << json_text(manager.stats(), 1);
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") == passed - received(before, 1); }, kPatience));
  const Json stats = manager.stats();
  expect_balanced(stats);
  const Json& dropped = stats["dropped"];
  const uint64_t shared = dropped.value("buffer_share", uint64_t{0});
  EXPECT_GT(shared, hoarded / 2) << dropped;
  // In a process that is held up its inbox may fill as well; whatever it is, it is the hog's.
  EXPECT_EQ(stats["held"].get<uint64_t>() + shared + dropped.value("inbox_full", uint64_t{0}),
            hoarded - received(before, 0))
      << dropped;
  EXPECT_GE(stats["held"].get<uint64_t>(), 8192U / 4);
  for (const Json& host : manager.hosts())  // who it is can be seen
    EXPECT_EQ(host["packets_held"], host["tenant"] == "hostile" ? stats["held"] : Json(0));
  EXPECT_LE(stats["held"].get<uint64_t>(), 8192U / 2);
  for (const Json& port : stats["ports"]) EXPECT_EQ(port["receive_dropped"]["no_buffer"], 0);
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Hoarder, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

// What the hoarder takes without a limit; so the test above tells something.
TEST(Hoarder, WithoutALimitItTakesThePool) {
  ManagerProcess manager(two_chains("rate_pps = 200000", "rate_pps = 1000", "[settings]\nbuffer_alpha_percent = 0\n"));
  manager.call("pause");
  manager.spawn(module("test_hoard"), "hog", 1, "process");
  manager.spawn(nf("forward"), "other", 1, "process");
  manager.call("resume");
  EXPECT_TRUE(eventually([&] { return manager.figure("held") > 8192 * 3 / 4; }));
  manager.end();
}

// A chain of eight through five hosts of either tier; its last NF is slow, and twice as much comes as it can do. What
// cannot be finished is refused at the entry: not one packet is dropped that an NF has worked on.
TEST(SlowLastNf, NoWorkIsWasted) {
  const Strings hops{"a", "b", "c", "d", "e", "f", "g", "slow"};
  // 25,000 packets a second at 2 GHz, and twice of that; a slower machine is overloaded the more.
  const uint64_t cycles = 80'000, pps = 50'000, count = scaled(100'000);
  ManagerProcess manager(simple_config(hops, fmt::format("rate_pps = {}\nflows = 200\ncount = {}", pps, count)));
  manager.call("pause");
  const auto spawn = [&](const char* service, const char* tier, const char* tenant) {
    manager.spawn(nf("busy"), service, 1, tier, {{"cycles", 500}}, tenant);
  };
  for (const char* service : {"a", "b", "e"}) spawn(service, "fiber", "one");
  for (const char* service : {"c", "f"}) spawn(service, "process", "one");
  for (const char* service : {"d", "g"}) spawn(service, "fiber", "two");
  manager.spawn(nf("busy"), "slow", 1, "process", {{"cycles", cycles}}, "two");
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.figure("received") == count; }, kPatience));
  ASSERT_TRUE(manager.settled(kPatience));
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats["dropped_midway"], 0) << stats["dropped"];
  EXPECT_EQ(stats["dropped"], stats["dropped_at_entry"]);
  EXPECT_GT(dropped_total(stats), 0U) << "not overloaded: says nothing";
  EXPECT_GT(stats["transmitted"].get<uint64_t>(), count / 100);
  // By the NFs' own count: what each of them worked on has left, all of it.
  double worked = 0, wasted = 0;
  for (const Json& each : manager.nfs()) {
    const double cost = each["cycles_per_packet"].get<double>();
    const double packets = each["packets"].get<double>();
    worked += cost * packets;
    wasted += cost * (packets - stats["transmitted"].get<double>());
  }
  EXPECT_GT(worked, 0);
  EXPECT_LE(wasted, worked / 1'000);
  manager.end();
}

// A slow NF in the middle of a chain, for which packets wait, is looked at now and then; it is nothing to stay up for.
TEST(Backlog, DoesNotKeepTheLoopAwake) {
  ManagerProcess manager(simple_config({"first", "slow"}, "flows = 100\nrate_pps = 20000\ncount = 20000") +
                         "\n[settings]\noverrun_us = 0\ninbox_slots = 64\n");
  const std::string file = manager.folder().path("spins");
  std::ofstream(file) << "x";
  manager.call("pause");
  manager.spawn(nf("forward"), "first", 1, "process");
  manager.spawn(module("test_spin"), "slow", 1, "process", {{"file", file}});
  manager.call("resume");
  ASSERT_TRUE(eventually([&] { return manager.dropped("backpressure") > 0 && manager.figure("received") == 20'000; }))
      << json_text(manager.stats(), 1);
  const uint64_t sleeps = manager.figure("loop_sleeps");
  EXPECT_TRUE(eventually([&] { return manager.figure("loop_sleeps") > sleeps + 20; }));
  unlink(file.c_str());
  EXPECT_TRUE(manager.settled()) << json_text(manager.stats(), 1);
  EXPECT_EQ(manager.stats()["held"], 0);
  expect_balanced(manager.stats());
  manager.end();
}

}  // namespace
}  // namespace roost::test

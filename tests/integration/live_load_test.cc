// SPDX-License-Identifier: BSD-3-Clause
// A thousand random changes under load, from a seed: chains, rules, ports, NFs, scale, upgrades, settings, and some
// that are refused. Beside them go flows that nothing of it touches, through NFs of the same processes: each packet of
// theirs is looked for, in its order.
//
// ROOST_LIVE_CHANGES: how many (default: 1,000); ROOST_LIVE_SEED: which.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "tests/integration/frames.h"
#include "tests/integration/manager_process.h"
#include "tests/integration/random_changes.h"
#include "tests/support/environment.h"

namespace roost::test::live_load_test {
namespace {

using Strings = RandomChanges::Strings;

constexpr uint32_t kFlows = 24, kEach = 200;  // of the untouched: numbers 0 to kEach - 1, over and over
constexpr uint64_t kFrameEvery_us = 500;

std::string untouched_capture() {
  CaptureFile capture;
  uint64_t time_us = 0;
  for (uint32_t number = 0; number < kEach; ++number)
    for (uint32_t flow = 0; flow < kFlows; ++flow)
      capture.add(udp_frame(static_cast<uint16_t>(flow), number, 70), time_us += kFrameEvery_us);
  return capture.bytes();
}

std::string config_of(const TempDir& folder, const std::string& cores) {
  return cores +
         "[memory]\npackets = 65536\nhugepages = \"never\"\n"
         "[settings]\ninbox_slots = 16384\nbuffer_alpha_percent = 0\ndrain_ms = 30\nflow_idle_s = 2\n" +
         fmt::format(
             "[[ports]]\nname = \"steady\"\nkind = \"pcap\"\nread = \"{}\"\npace = \"recorded\"\nloop = true\n"
             "[[ports]]\nname = \"kept\"\nkind = \"pcap\"\nwrite = \"{}\"\n",
             folder.path("in.pcap"), folder.path("out.pcap")) +
         port_generator("restless", "",
                        fmt::format("flows = 300\nip_version = \"mixed\"\nrate_pps = {}\nbacklog_packets = 500",
                                    kSanitized ? 2'000 : 20'000)) +
         port_null("sink") + port_null("other") + services({"s0", "s1", "r0", "r1", "r2", "r3"}) +
         chain_of("s", {"s0", "s1"}, "kept") + chain_of("r", RandomChanges::services(), "sink") +
         chain_of("astray", {"r0"}, "sink");
}

uint64_t received_by(const Json& stats, const std::string& name) {
  for (const Json& port : stats["ports"])
    if (port["name"] == name) return port["received"];
  return 0;
}

// What came out of the untouched flows: in each, every number follows the one before it.
void expect_whole(const Strings& frames, uint64_t received, const Json& dropped) {
  EXPECT_EQ(frames.size(), received) << "dropped of all: " << dropped;
  uint64_t gaps = 0;
  for (const auto& [flow, of_flow] : by_flow(frames)) {
    std::optional<uint32_t> expected;
    for (const auto& frame : of_flow) {
      const size_t at = (frame[12] == '\x08' ? 42 : 62) + 2;
      uint32_t number = 0;
      for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(frame[at + i]);
      gaps += expected && number != *expected;
      expected = (number + 1) % kEach;
    }
  }
  EXPECT_EQ(gaps, 0U);
  EXPECT_EQ(by_flow(frames).size(), kFlows);
}

void change_at_random(const std::string& cores) {
  const uint64_t seed = from_environment("ROOST_LIVE_SEED", 3), changes = from_environment("ROOST_LIVE_CHANGES", 1'000);
  TempDir folder;
  folder.file("in.pcap", untouched_capture());
  ManagerProcess manager(config_of(folder, cores));
  manager.call("pause");  // what came before it had no chain to go by
  const uint64_t early = manager.dropped("no_chain"), early_steady = received_by(manager.stats(), "steady");
  for (const char* service : {"s0", "s1"}) manager.spawn(nf("forward"), service, 2);
  for (const auto& service : RandomChanges::services()) manager.spawn(nf("forward"), service, 2);
  RandomChanges random(manager, seed);
  random.guard();
  manager.call("port_set", {{"name", "restless"}, {"chain", "r"}});
  manager.call("resume");
  for (uint64_t i = 0; i < scaled(changes) && !testing::Test::HasFailure(); ++i) random.one();
  fmt::print("seed {}: {}late {}\n", seed, random.counts(), random.late());
  EXPECT_LE(random.late(), scaled(changes) / 20) << "of " << scaled(changes) << " changes";
  ASSERT_TRUE(eventually([&] { return manager.figure("transmitted") > 1'000; }));

  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  // A host that gets no processor for seconds ends with the packets that it has, and the manager says so.
  const bool ended_late = manager.log().find("stop: packets that were out are not back") != std::string::npos;
  for (const auto& [cause, count] : stats["dropped"].items())
    EXPECT_TRUE(cause == "inbox_full" || cause == "backpressure" || cause == "loop_full" || cause == "by_rule" ||
                (cause == "no_chain" && count == early) || (cause == "host_died" && (random.late() != 0 || ended_late)))
        << stats["dropped"];
  const uint64_t received = received_by(stats, "steady") - early_steady;
  EXPECT_GT(received, 0U);
  EXPECT_GT(manager.call("rule_show", {{"id", random.guard_rule()}}).at("hits"), 0U);
  fmt::print("{} packets in, {} out; of untouched flows {}\n", stats["received"].get<uint64_t>(),
             stats["transmitted"].get<uint64_t>(), received);
  manager.end();
  expect_whole(frames_of(folder.path("out.pcap")), received, stats["dropped"]);
}

TEST(LiveLoad, RandomChangesLoseAndReorderNothingOfUntouchedFlows) { change_at_random(""); }

TEST(LiveLoad, NorWithSeveralIoCores) { change_at_random("[cores]\nio_per_cpu = 2\nshared_per_cpu = 2\n"); }

}  // namespace
}  // namespace roost::test::live_load_test

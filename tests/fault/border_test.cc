// SPDX-License-Identifier: BSD-3-Clause
// Hosts that do whatever their memory and their sockets allow, beside honest ones under load. The filter for system
// calls is off: the border holds by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/neighbours.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

struct Deed {
  const char* name;
  const char* report;  // of the manager; empty: the host may as well have hurt itself first
  bool hurts_its_domain = false;
};

void PrintTo(const Deed& deed, std::ostream* out) { *out << deed.name; }

constexpr uint64_t kTimed = kSanitized ? 500 : 4'000;  // honest ones' packets, before and after it
constexpr uint64_t kReplayedMost = 10;  // a hostile host's, of all that are timed: each of these leaves once

class Border : public testing::TestWithParam<Deed> {};

TEST_P(Border, Holds) {
  if (kHostileReported) GTEST_SKIP() << "what a hostile host does to itself would be this test's failure";
  const Deed& deed = GetParam();
  ManagerProcess manager(two_chains("seccomp = \"off\""));
  manager.call("pause");  // flows find all NFs there
  for (int i = 0; i < 2; ++i) manager.spawn(nf("forward"), "honest", 1, "process");
  const std::vector<pid_t> honest = manager.live_hosts();
  manager.call("resume");
  ASSERT_TRUE(honest_go_on(manager, kTimed));
  manager.call("clear_latency");  // what had waited for 'resume' is no measure
  ASSERT_TRUE(honest_go_on(manager, kTimed));
  const double before_us = p99_us(manager);
  manager.call("clear_latency");

  const uint64_t began = manager.figure("refused") + manager.figure("breaches");
  manager.spawn(module("test_hostile"), "hostile", 1, "process", {{"deed", deed.name}, {"socket", manager.socket()}});
  const auto hosts = manager.hosts();
  pid_t pid = -1;
  for (const Json& host : hosts)
    if (std::find(honest.begin(), honest.end(), host["pid"].get<pid_t>()) == honest.end()) pid = host["pid"];
  // Whatever it does, it is ended, by name, and its number is free again.
  const bool gone = comes_true([&] { return pid != -1 ? !runs(pid) : true; });
  EXPECT_TRUE(gone) << manager.events();
  EXPECT_TRUE(comes_true([&] { return manager.hosts().size() <= honest.size(); })) << manager.events();
  const std::string events = manager.events();
  EXPECT_THAT(events, HasSubstr("(process, tenant 'default', pid"));
  EXPECT_THAT(events, HasSubstr(deed.report));
  if (std::string(deed.report).find("gave back") != std::string::npos) {
    EXPECT_GT(manager.figure("refused") + manager.figure("breaches"), began);
  }
  if (!deed.hurts_its_domain) {
    ASSERT_TRUE(honest_go_on(manager, kTimed)) << events;
    EXPECT_EQ(manager.live_hosts(), honest);
    EXPECT_LE(other_packets(manager), kReplayedMost) << "the figure is not of others' packets";
    const Json meanwhile = manager.stats().at("latency_us");
    const auto p99_meanwhile_us = meanwhile.at("p99").get<double>();
    // Beside a stretch of as many packets: what else the machine does shows the more, the longer one looks.
    manager.call("clear_latency");
    ASSERT_TRUE(honest_go_on(manager, meanwhile.at("count").get<uint64_t>()));
    const double afterwards_us = p99_us(manager);
    RecordProperty("p99_ratio", std::to_string(p99_meanwhile_us / afterwards_us));
    fmt::print(
        "{}: p99 of others' packets {:.0f} us before; {:.0f} us of {} meanwhile, {:.0f} us of as many afterwards: "
        "{:.2f}\n",
        deed.name, before_us, p99_meanwhile_us, meanwhile.at("count").get<uint64_t>(), afterwards_us,
        p99_meanwhile_us / afterwards_us);
  }
  // The manager is up and goes on with whom it has, and with others.
  manager.spawn(nf("forward"), "hostile", 1, "process");
  manager.spawn(nf("forward"), "honest", 1, "process");
  const uint64_t transmitted = manager.figure("transmitted");
  EXPECT_TRUE(comes_true([&] { return manager.figure("transmitted") > transmitted + 200; }));
  expect_all_back(manager);
  manager.end();
}

constexpr const char* kHandle = "gave back a packet that it does not hold; it is killed";
constexpr const char* kCursor =
    "wrote a cursor into its memory that goes back, or past what was put there; it is killed";

INSTANTIATE_TEST_SUITE_P(
    Deeds, Border,
    testing::Values(Deed{"range", kHandle}, Deed{"others", kHandle}, Deed{"stale", kHandle}, Deed{"replay", kHandle},
                    Deed{"lengths", "impossible length or offset; it is killed"},
                    Deed{"hops", "that it was not granted; it is killed"}, Deed{"segments", "; it is killed"},
                    Deed{"rewind", kCursor}, Deed{"overrun", kCursor}, Deed{"grants", kCursor},
                    Deed{"outbox", "gave back a packet"}, Deed{"region", ""},
                    // Packet memory is its domain's: who shares it can be hurt, the manager can't.
                    Deed{"everything", "", true}, Deed{"speak", "speaks without being asked; it is killed"},
                    Deed{"flood", kHandle}, Deed{"stall", "it is killed"}, Deed{"stop", "it is killed"}),
    [](const auto& deed) { return std::string(deed.param.name); });

}  // namespace
}  // namespace roost::test

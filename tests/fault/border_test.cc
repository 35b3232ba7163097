// SPDX-License-Identifier: BSD-3-Clause
// Hosts that do whatever their memory and their sockets allow, beside honest ones under load. The filter for system
// calls is off: the border holds by itself.
//
// ROOST_BORDER_PAIRS (default: 1): so often is the p99 of others' packets looked at with the deed and, as often, with
// an NF in its place that does nothing wrong and is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/fault/neighbours.h"
#include "tests/support/environment.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

struct Deed {
  const char* name;
  const char* report;  // of the manager; empty: the host may as well have hurt itself first
  bool hurts_its_domain = false;
};

void PrintTo(const Deed& deed, std::ostream* out) { *out << deed.name; }

constexpr uint64_t kTimed = 4'000;      // honest ones' packets, at least
constexpr uint64_t kReplayedMost = 10;  // a hostile host's, of all that are timed: each of these leaves once

class Border : public testing::TestWithParam<Deed> {
 protected:
  // The p99 of honest ones' packets while `act` is done, and until at least so many of them have left.
  struct Stretch {
    double p99_us = 0;
    uint64_t packets = 0;
  };
  template <typename Act>
  Stretch others_during(uint64_t packets, Act&& act) {
    manager_.call("clear_latency");
    const uint64_t before = other_packets(manager_);
    act();
    const auto latency = [this] { return manager_.stats().at("latency_us"); };
    while (latency().at("count") < packets)
      if (!honest_go_on(manager_)) {
        ADD_FAILURE() << "others' packets have stopped\n" << manager_.events();
        return {};
      }
    EXPECT_LE(other_packets(manager_) - before, kReplayedMost) << "the figure is not of others' packets";
    const Json seen = latency();
    return {seen.at("p99").get<double>(), seen.at("count").get<uint64_t>()};
  }

  // Whatever the hostile host does, it is ended, by name, and its number is free again.
  void do_deed() {
    const Deed& deed = GetParam();
    const uint64_t began = manager_.figure("refused") + manager_.figure("breaches");
    manager_.spawn(module("test_hostile"), "hostile", 1, "process",
                   {{"deed", deed.name}, {"socket", manager_.socket()}});
    expect_gone();
    const std::string events = manager_.events();
    EXPECT_THAT(events, HasSubstr("(process, tenant 'default', pid"));
    EXPECT_THAT(events, HasSubstr(deed.report));
    if (std::string(deed.report).find("gave back") != std::string::npos) {
      EXPECT_GT(manager_.figure("refused") + manager_.figure("breaches"), began);
    }
    if (!deed.hurts_its_domain) {
      EXPECT_EQ(manager_.live_hosts(), honest_);
    }
  }
  // What any NF costs the others that starts and goes; it drops packets, as the hostile one does.
  void start_and_kill_another() {
    manager_.spawn(nf("firewall"), "hostile", 1, "process", {{"default", "deny"}});
    if (const pid_t pid = newcomer(); pid != -1) kill(pid, SIGKILL);
    expect_gone();
  }
  void expect_gone() {
    const pid_t pid = newcomer();
    EXPECT_TRUE(comes_true([&] { return pid == -1 || !runs(pid); })) << manager_.events();
    EXPECT_TRUE(comes_true([&] { return manager_.hosts().size() <= honest_.size(); })) << manager_.events();
  }
  pid_t newcomer() {
    for (const Json& host : manager_.hosts())
      if (const pid_t pid = host["pid"]; std::find(honest_.begin(), honest_.end(), pid) == honest_.end()) return pid;
    return -1;
  }

  ManagerProcess manager_{two_chains("seccomp = \"off\"")};
  std::vector<pid_t> honest_;
};

TEST_P(Border, Holds) {
  if (kHostileReported) GTEST_SKIP() << "what a hostile host does to itself would be this test's failure";
  const Deed& deed = GetParam();
  manager_.call("pause");  // flows find all NFs there
  for (int i = 0; i < 2; ++i) manager_.spawn(nf("forward"), "honest", 1, "process");
  honest_ = manager_.live_hosts();
  manager_.call("resume");
  ASSERT_TRUE(honest_go_on(manager_, kTimed));  // what had waited for 'resume' is no measure
  if (deed.hurts_its_domain) {
    do_deed();
  } else {
    std::vector<double> ratios;
    for (uint64_t pairs = std::max<uint64_t>(from_environment("ROOST_BORDER_PAIRS", 1), 1); pairs != 0; --pairs) {
      const Stretch with = others_during(kTimed, [&] { do_deed(); });
      const Stretch without = others_during(with.packets, [&] { start_and_kill_another(); });
      if (testing::Test::HasFailure()) return;
      ratios.push_back(with.p99_us / without.p99_us);
      fmt::print(
          "{}: p99 of others' packets {:.0f} us of {}; {:.0f} us of {} with an NF that does nothing wrong: {:.2f}\n",
          deed.name, with.p99_us, with.packets, without.p99_us, without.packets, ratios.back());
    }
    std::sort(ratios.begin(), ratios.end());
    RecordProperty("p99_ratio", std::to_string(ratios.at(ratios.size() / 2)));
    fmt::print("{}: {:.2f} [{:.2f} to {:.2f}]\n", deed.name, ratios[ratios.size() / 2], ratios.front(), ratios.back());
  }
  // The manager is up and goes on with whom it has, and with others.
  manager_.spawn(nf("forward"), "hostile", 1, "process");
  manager_.spawn(nf("forward"), "honest", 1, "process");
  const uint64_t transmitted = manager_.figure("transmitted");
  EXPECT_TRUE(comes_true([&] { return manager_.figure("transmitted") > transmitted + 200; }));
  expect_all_back(manager_);
  manager_.end();
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

// SPDX-License-Identifier: BSD-3-Clause
// Who gets how much of a shared core: real processes that want more than there is, measured by the kernel's own count
// of their CPU time.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

constexpr uint64_t kMeasured_ms = kSanitized ? 6'000 : 3'000;  // CPU time of all of them together

// Four chains of one service each, each offered more than a whole core can do. Bursts are short, so that the dearest
// has several in a turn. Nobody overruns: where the machine has no time for anybody, a dispatch takes as long.
constexpr std::array<uint32_t, 4> kCycles{10'000, 20'000, 40'000, 80'000};
std::string overload(const std::string& more) {
  std::string text = port_null("out");
  std::vector<std::string> names;
  for (size_t i = 0; i < kCycles.size(); ++i) {
    const std::string name = fmt::format("s{}", i);
    text += port_generator("in" + name, "c" + name,
                           fmt::format("rate_pps = {}\nbacklog_packets = 256", 4'000'000'000 / kCycles[i]));
    text += chain_of("c" + name, {name}, "out");
    names.push_back(name);
  }
  return text + services(names) + more + "[settings]\nburst_packets = 8\noverrun_us = 0\n";
}

// Each host's part of the time that they have together, by service.
std::array<double, 4> shares(ManagerProcess& manager) {
  std::map<uint32_t, pid_t> pid_of_host;
  for (const Json& host : manager.hosts()) pid_of_host[host["id"]] = host["pid"];
  std::array<pid_t, 4> pids{};
  for (const Json& each : manager.nfs())
    pids.at(static_cast<size_t>(each["service"].get<std::string>().at(1) - '0')) = pid_of_host.at(each["host"]);
  std::array<uint64_t, 4> before{}, used{};
  for (size_t i = 0; i < 4; ++i) before[i] = cpu_ms(pids[i]);
  uint64_t total = 0;
  EXPECT_TRUE(eventually(
      [&] {
        total = 0;
        for (size_t i = 0; i < 4; ++i) total += used[i] = cpu_ms(pids[i]) - before[i];
        return total >= kMeasured_ms;
      },
      std::chrono::minutes(3)));
  std::array<double, 4> parts{};
  for (size_t i = 0; i < 4; ++i) parts[i] = static_cast<double>(used[i]) / static_cast<double>(total);
  return parts;
}

TEST(Shares, NfsOfDifferentCostGetEqualTime) {
  ManagerProcess manager(overload(""));
  for (size_t i = 0; i < 4; ++i)
    manager.spawn(nf("busy"), fmt::format("s{}", i), 1, "process", {{"cycles", kCycles[i]}});
  ASSERT_TRUE(eventually([&] { return manager.figure("turns_ended") > 100; })) << "nobody's turn ends";
  const auto parts = shares(manager);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(parts[i], 0.25, 0.07) << i << ": " << json_text(manager.stats());
  manager.call("pause");
  EXPECT_TRUE(manager.settled());
  manager.end();
}

// The kernel alone would give each a quarter.
TEST(Shares, TenantsShareByWeightAndThenTheirNfs) {
  ManagerProcess manager(overload("[[tenants]]\nname = \"gold\"\nweight = 300\n"));
  for (size_t i = 0; i < 4; ++i)
    manager.spawn(nf("busy"), fmt::format("s{}", i), 1, "process", {{"cycles", kCycles[i]}},
                  i == 3 ? "gold" : "default");
  ASSERT_TRUE(eventually([&] { return manager.figure("turns_ended") > 100; })) << "nobody's turn ends";
  const auto parts = shares(manager);
  EXPECT_NEAR(parts[3], 0.75, 0.12) << json_text(manager.stats());
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(parts[i], 1 / 12.0, 0.06) << i;
  manager.call("pause");
  EXPECT_TRUE(manager.settled());
  manager.end();
}

// A packet that goes from worker to worker of a core on which hardly anybody may be up.
class Baton : public testing::TestWithParam<int> {};

TEST_P(Baton, GoesAllTheWayWithFewAwake) {
  const uint64_t count = scaled(4'000, 10);
  const std::vector<std::string> hops{"a", "b", "c", "d", "e", "f"};
  ManagerProcess manager(simple_config(hops, fmt::format("flows = 1\nrate_pps = 2000\ncount = {}", count),
                                       fmt::format("[settings]\nawake_max = {}\n", GetParam())));
  manager.call("pause");
  for (const auto& hop : hops) manager.spawn(nf("forward"), hop, 1, "process");
  manager.call("resume");
  EXPECT_TRUE(eventually([&] { return manager.figure("received") == count; }));
  EXPECT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  // One may come before there are NFs, and what a busy machine holds up for long is refused at the entry.
  uint64_t arrived = stats["transmitted"].get<uint64_t>();
  for (const char* cause : {"no_nf", "inbox_full", "backpressure"}) arrived += manager.dropped(cause);
  EXPECT_EQ(arrived, count) << stats["dropped"];
  EXPECT_GT(stats["transmitted"].get<uint64_t>(), count / 2);
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(AwakeMax, Baton, testing::Values(1, 2, 4));

}  // namespace
}  // namespace roost::test

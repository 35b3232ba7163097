// SPDX-License-Identifier: BSD-3-Clause
// Many hosts killed at random, and many starts and stops, under load: at the end all is back that was there before.
// ROOST_STORM_NFS, ROOST_STORM_ROUNDS and ROOST_CHURN make a long run of it; ROOST_SEED another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <deque>
#include <random>

#include "tests/fault/neighbours.h"
#include "tests/support/environment.h"
#include "tests/support/run_program.h"

namespace roost::test::storm_test {
namespace {

// Flows never pause here: a stop need not wait for that.
std::string storm_config(const std::string& settings = "") {
  return "[memory]\npackets = 32768\nhugepages = \"never\"\n" +
         port_generator("in", "c", fmt::format("flows = 2000\nrate_pps = {}\nbacklog_packets = 1000", scaled(50'000))) +
         port_null("out") + services({"a"}) + chain_of("c", {"a"}, "out") +
         "\n[settings]\nsweep_rows = 65536\ndrain_ms = 10\n" + settings;
}

// What a manager has of the system.
struct Belongings {
  size_t descriptors = 0, threads = 0;
  uint64_t memory_kib = 0;
};

Belongings belongings_of(ManagerProcess& manager) {
  const auto entries = [&](const char* folder) {
    const auto path = fmt::format("/proc/{}/{}", manager.pid(), folder);
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
  };
  Belongings all{entries("fd"), entries("task")};
  std::istringstream lines(content_of(fmt::format("/proc/{}/status", manager.pid())));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("RssAnon:")) all.memory_kib = std::strtoull(line.c_str() + 8, nullptr, 10);
  return all;
}

// The nursery is there, and nobody else; it takes a moment to reap a thousand hosts.
bool alone(ManagerProcess& manager) {
  return comes_true([&] { return descendants_of(manager.pid()).size() == 1; });
}

// Everything is stopped, and has been there and gone before: what differs has leaked.
void expect_as_before(ManagerProcess& manager, const Belongings& before) {
  EXPECT_TRUE(alone(manager));
  const Belongings after = belongings_of(manager);
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.threads, before.threads);
  constexpr uint64_t kSlackKib = 8 << 10;  // heaps keep some
  if (!kSanitized) {
    EXPECT_LT(after.memory_kib, before.memory_kib + kSlackKib);
  }
  fmt::print("the manager's own memory: {} KiB before, {} KiB after; descriptors {}, threads {}\n", before.memory_kib,
             after.memory_kib, after.descriptors, after.threads);
}

// Once through all of it, so that what is kept for the next time is there: the room of long answers, too.
Belongings warmed_up(ManagerProcess& manager, uint32_t nfs, const char* tier) {
  manager.spawn(nf("forward"), "a", nfs, tier);
  manager.hosts();
  manager.call("stop", {{"all", true}});
  EXPECT_TRUE(comes_true([&] { return manager.hosts().empty(); }));
  EXPECT_TRUE(alone(manager));
  return belongings_of(manager);
}

uint64_t largest_id(const Json& hosts) {
  uint64_t largest = 0;
  for (const Json& host : hosts) largest = std::max(largest, host["id"].get<uint64_t>());
  return largest;
}

bool goes_on(ManagerProcess& manager) {
  const uint64_t before = manager.figure("transmitted");
  return comes_true([&] { return manager.figure("transmitted") > before + 500; });
}

// At least half of all hosts, by one signal or another.
std::vector<pid_t> kill_some(ManagerProcess& manager, std::mt19937& random) {
  auto pids = manager.live_hosts();
  std::shuffle(pids.begin(), pids.end(), random);
  const size_t half = pids.size() / 2;
  pids.resize(half + random() % half);
  for (const pid_t pid : pids) {
    kill(pid, random() % 2 == 0 ? SIGKILL : crash_signal());
    if (random() % 8 == 0) pause_ms(random() % 3);
  }
  return pids;
}

TEST(Storm, OfKillsLeavesNothingBehind) {
  const uint32_t nfs = from_environment("ROOST_STORM_NFS", scaled(100));
  const uint32_t rounds = from_environment("ROOST_STORM_ROUNDS", 3);
  const uint32_t seed = from_environment("ROOST_SEED", 7);
  const uint32_t looks = 3'000 + 20 * nfs;
  ManagerProcess manager(storm_config());
  const Belongings before = warmed_up(manager, nfs, "process");
  manager.spawn(nf("forward"), "a", nfs, "process");
  std::mt19937 random(seed);
  uint64_t killed = 0;
  for (uint32_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(fmt::format("round {} of seed {}", round, seed));
    ASSERT_EQ(manager.live_hosts().size(), nfs);
    const auto pids = kill_some(manager, random);
    killed += pids.size();
    ASSERT_TRUE(comes_true([&] { return manager.hosts().size() == nfs - pids.size(); }, looks));
    expect_balanced(manager.stats());
    ASSERT_TRUE(goes_on(manager));
    manager.spawn(nf("forward"), "a", static_cast<uint32_t>(pids.size()), "process");
    EXPECT_LT(largest_id(manager.hosts()), 2 * nfs);  // numbers are used again
    ASSERT_TRUE(goes_on(manager));
  }
  const Json stats = manager.stats();
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  fmt::print("{} hosts killed in {} rounds of {}: {} of {} packets were lost with them\n", killed, rounds, nfs,
             manager.dropped("host_died"), stats["received"].get<uint64_t>());
  expect_all_back(manager);
  manager.call("stop", {{"all", true}});
  EXPECT_EQ(manager.figure("nfs_live"), 0U);
  expect_as_before(manager, before);
  manager.end();
}

// Nobody spawns anything: all NFs are there again, under their numbers.
TEST(Storm, OfKillsIsOutlivedByNfsThatAreStartedAgain) {
  const uint32_t nfs = from_environment("ROOST_STORM_NFS", scaled(100));
  const uint32_t rounds = from_environment("ROOST_STORM_ROUNDS", 3);
  const uint32_t seed = from_environment("ROOST_SEED", 7);
  const uint32_t looks = 3'000 + 40 * nfs;
  ManagerProcess manager(storm_config("restart_policy = 1\nrestart_ms = 10\nrestart_most_ms = 200\n"));
  const Belongings before = warmed_up(manager, nfs, "process");
  manager.spawn(nf("forward"), "a", nfs, "process");
  const auto all_live = [&](const std::vector<pid_t>& without) {
    const Json list = manager.nfs();
    if (list.size() != nfs) return false;
    for (uint32_t i = 0; i < nfs; ++i)
      if (list[i]["id"] != i || list[i]["state"] != "live") return false;
    for (const pid_t pid : manager.live_hosts())
      if (std::find(without.begin(), without.end(), pid) != without.end()) return false;
    return true;
  };
  ASSERT_TRUE(all_live({}));
  std::mt19937 random(seed);
  uint64_t killed = 0;
  for (uint32_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(fmt::format("round {} of seed {}", round, seed));
    ASSERT_EQ(manager.live_hosts().size(), nfs);
    const auto pids = kill_some(manager, random);
    killed += pids.size();
    ASSERT_TRUE(comes_true([&] { return all_live(pids); }, looks)) << json_text(manager.call("ps"), 1);
    expect_balanced(manager.stats());
    EXPECT_LT(largest_id(manager.hosts()), 2 * nfs);
    ASSERT_TRUE(goes_on(manager));
  }
  const Json stats = manager.stats();
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  fmt::print("{} hosts killed in {} rounds of {} and started again: {} of {} packets were lost with them\n", killed,
             rounds, nfs, manager.dropped("host_died"), stats["received"].get<uint64_t>());
  expect_all_back(manager);
  EXPECT_EQ(manager.call("stop", {{"all", true}})["stopped"], nfs);
  EXPECT_EQ(manager.spawn(nf("forward"), "a", nfs, "process")["first"], 0) << "no number is lost";
  manager.call("stop", {{"all", true}});
  expect_as_before(manager, before);
  manager.end();
}

class Churn : public testing::TestWithParam<const char*> {};

TEST_P(Churn, LeavesNothingBehind) {
  const uint32_t live = static_cast<uint32_t>(scaled(100));
  const uint32_t changes = from_environment("ROOST_CHURN", scaled(500)) / 2;  // a start and a stop each
  ManagerProcess manager(storm_config());
  const Belongings before = warmed_up(manager, live, GetParam());
  std::deque<uint32_t> ids;
  const uint32_t first = manager.spawn(nf("forward"), "a", live, GetParam())["first"];
  for (uint32_t i = 0; i < live; ++i) ids.push_back(first + i);
  std::mt19937 random(from_environment("ROOST_SEED", 7));
  uint32_t largest = 0, tried_again = 0;
  for (uint32_t i = 0; i < changes; ++i) {
    std::swap(ids.front(), ids[random() % ids.size()]);
    // Where the machine stands still, packets are out for longer than a stop waits for them; it says so.
    std::string refusal = manager.refusal("stop", {{"nfs", {ids.front()}}});
    for (int tries = 1; tries < 50 && refusal.find("try again") != std::string::npos; ++tries, ++tried_again)
      refusal = manager.refusal("stop", {{"nfs", {ids.front()}}});
    ASSERT_EQ(refusal, "");
    ids.pop_front();
    ids.push_back(manager.spawn(nf("forward"), "a", 1, GetParam())["first"]);
    largest = std::max(largest, ids.back());
  }
  fmt::print("{} stops and starts; {} stops had to be tried again\n", changes, tried_again);
  EXPECT_EQ(manager.figure("nfs_live"), live);
  EXPECT_LT(largest, 4 * live);
  ASSERT_TRUE(goes_on(manager));
  const Json stats = manager.stats();
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  EXPECT_EQ(manager.dropped("host_died"), 0U);
  expect_all_back(manager);
  manager.call("stop", {{"all", true}});
  expect_as_before(manager, before);
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Churn, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test::storm_test

// SPDX-License-Identifier: BSD-3-Clause
// Everything at once, at random: hosts are killed, NFs started and stopped, hostile ones let in, settings changed and
// traffic paused, under load. ROOST_SOAK_S says for how long, ROOST_SEED which run; scripts/soak.sh sets both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <random>

#include "tests/fault/neighbours.h"
#include "tests/support/environment.h"

namespace roost::test {
namespace {

class Soak : public testing::Test {
 protected:
  void start(const std::string& service, uint32_t count, const char* tier) {
    manager_.spawn(nf("forward"), service, count, tier, Json::object(), random_() % 2 == 0 ? "one" : "two");
  }
  void kill_one() {
    const auto pids = manager_.live_hosts();
    if (pids.size() > 2) kill(pids[random_() % pids.size()], random_() % 2 == 0 ? SIGKILL : crash_signal());
    ++killed_;
  }
  void stop_some() {
    const Json nfs = manager_.nfs();
    if (nfs.size() < 8) return;
    const Json& one = nfs[random_() % nfs.size()];
    // It may die meanwhile.
    stopped_ += manager_.refusal("stop", {{"nfs", {one["id"]}}}).empty();
  }
  void let_in_a_hostile_one() {
    if (kHostileReported) return;
    static constexpr const char* kDeeds[] = {"range",  "others",  "stale",  "replay", "lengths", "hops", "segments",
                                             "rewind", "overrun", "grants", "outbox", "region",  "speak"};
    manager_.refusal("spawn", {{"module", module("test_hostile")},
                               {"service", "hostile"},
                               {"count", 1},
                               {"tier", "process"},
                               {"config", {{"deed", kDeeds[random_() % std::size(kDeeds)]}}}});
    ++hostile_;
  }
  void change_a_setting() {
    static constexpr std::pair<const char*, uint64_t> kChoices[] = {
        {"wake_packets", 1},          {"wake_packets", 16},         {"spin_us", 0},    {"spin_us", 20},
        {"burst_packets", 8},         {"burst_packets", 32},        {"run_policy", 0}, {"run_policy", 1},
        {"share_policy", 2},          {"share_policy", 1},          {"idle_us", 0},    {"idle_us", 200},
        {"buffer_alpha_percent", 50}, {"buffer_alpha_percent", 100}};
    const auto& [name, value] = kChoices[random_() % std::size(kChoices)];
    manager_.call("set", {{"name", name}, {"value", value}});
  }
  void act() {
    switch (random_() % 10) {
      case 0:
      case 1:
        return kill_one();
      case 2:
      case 3:
        return stop_some();
      case 4:
        return let_in_a_hostile_one();
      case 5:
        return change_a_setting();
      case 6:
        manager_.call("pause");
        pause_ms(random_() % 20);
        manager_.call("resume");
        return;
      default:
        if (manager_.figure("nfs_live") < 60)
          start(random_() % 3 == 0 ? "hostile" : "honest", 1 + random_() % 4, random_() % 2 == 0 ? "process" : "fiber");
    }
  }

  const uint64_t seed_ = from_environment("ROOST_SEED", 7);
  std::mt19937_64 random_{seed_};
  ManagerProcess manager_{two_chains("")};
  uint64_t killed_ = 0, stopped_ = 0, hostile_ = 0;
};

TEST_F(Soak, LeavesTheBooksBalanced) {
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(from_environment("ROOST_SOAK_S", kSanitized ? 30 : 15));
  start("honest", 10, "process");
  start("honest", 10, "fiber");
  uint64_t acts = 0;
  for (; std::chrono::steady_clock::now() < until; ++acts) {
    SCOPED_TRACE(fmt::format("act {} of seed {}", acts, seed_));
    act();
    pause_ms(random_() % 30);
    expect_balanced(manager_.stats());
    if (acts % 50 == 49) {
      start("honest", 2, "process");
      ASSERT_TRUE(honest_go_on(manager_, 100)) << manager_.events();
    }
    if (HasFailure()) break;
  }
  const Json stats = manager_.stats();
  fmt::print(
      "seed {}: {} acts: {} hosts killed, {} NFs stopped, {} hostile ones let in; {} packets received, {} lost "
      "with hosts, {} refused from hosts\n",
      seed_, acts, killed_, stopped_, hostile_, stats["received"].get<uint64_t>(), manager_.dropped("host_died"),
      stats["refused"].get<uint64_t>());
  // A hostile one may hold what it has, by an outbox that it has overwritten, until it is ended.
  manager_.call("pause");
  manager_.call("stop", {{"all", true}});
  EXPECT_TRUE(comes_true([&] { return manager_.hosts().empty(); }));
  expect_all_back(manager_);
  manager_.end();
}

}  // namespace
}  // namespace roost::test

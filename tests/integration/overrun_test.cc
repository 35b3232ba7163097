// SPDX-License-Identifier: BSD-3-Clause
// NFs that don't come back from a burst, among others that do, with a real manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/integration/manager_process.h"

namespace roost::test::overrun_test {
namespace {

using testing::HasSubstr;

std::string load(const std::vector<std::string>& services = {"a"}) {
  return simple_config(services, fmt::format("flows = 400\nrate_pps = {}\nbacklog_packets = 1000",
                                             kSanitized ? 10'000 : 50'000)) +
         "\n[settings]\noverrun_us = 50000\nresume_ms = 0\nflow_idle_s = 1\nsweep_rows = 4194304\n";
}

bool goes_on(ManagerProcess& manager) {
  const uint64_t before = manager.figure("transmitted");
  return eventually([&] { return manager.figure("transmitted") > before + 500; });
}

class Overrun : public testing::TestWithParam<const char*> {
 protected:
  explicit Overrun(const std::vector<std::string>& services = {"a"}) : manager_(load(services)) {}

  std::string file() const { return manager_.folder().path("spins"); }
  void spins(bool on) const {
    if (on)
      std::ofstream(file()) << "x";
    else
      unlink(file().c_str());
  }
  uint32_t spawn_spinner(const char* way = "") {
    Json config = {{"file", file()}};
    if (*way != 0) config[way] = true;
    return manager_.spawn(module("test_spin"), "a", 1, GetParam(), config)["first"];
  }
  Json nf_of(uint32_t id) {
    for (const Json& each : manager_.nfs())
      if (each["id"] == id) return each;
    return Json::object();
  }
  bool is_quarantined(uint32_t id, bool returned) {
    return eventually([&] {
      const Json found = nf_of(id);
      return found.value("state", "") == "quarantined" && found["returned"] == returned;
    });
  }
  bool is_reported(uint32_t id) {
    return eventually([&] {
      return manager_.has_event(fmt::format("NF {} of 'a'", id)) &&
             manager_.has_event(fmt::format("'roost resume {}'", id));
    });
  }
  // Flows stay with the NFs that they were given while one was away; new ones go to all of them.
  bool flows_begin_anew() {
    manager_.call("pause");
    const bool forgotten = eventually([&] { return manager_.figure("flows") == 0; });
    manager_.call("resume");
    return forgotten;
  }
  void expect_books_close() {
    manager_.call("pause");
    EXPECT_TRUE(manager_.settled()) << json_text(manager_.stats(), 1);
    const Json stats = manager_.stats();
    expect_balanced(stats);
    EXPECT_EQ(stats["held"], 0);
    EXPECT_EQ(stats["refused"], 0);
    EXPECT_EQ(stats["breaches"], 0);
  }

  ManagerProcess manager_;
};

TEST_P(Overrun, OthersGoOnAndItIsBroughtBack) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 4, GetParam());
  ASSERT_TRUE(goes_on(manager_));
  const size_t hosts = manager_.live_hosts().size();
  EXPECT_THAT(manager_.refusal("resume_nf", {{"nfs", {spinner}}}), HasSubstr("is not quarantined"));
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    spins(true);
    ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
    ASSERT_TRUE(is_reported(spinner)) << manager_.events();
    EXPECT_TRUE(goes_on(manager_));
    EXPECT_EQ(manager_.live_hosts().size(), hosts) << manager_.events();
    EXPECT_THAT(manager_.refusal("resume_nf", {{"nfs", {spinner}}}), HasSubstr("has not come back from process()"));
    EXPECT_GT(manager_.figure("held"), 0U);  // its burst
    expect_balanced(manager_.stats());
    spins(false);
    ASSERT_TRUE(is_quarantined(spinner, true)) << manager_.events();
    const uint64_t seen = nf_of(spinner)["packets"];
    EXPECT_EQ(manager_.call("resume_nf", {{"nfs", {spinner, spinner}}})["resumed"], 1);
    EXPECT_EQ(nf_of(spinner)["state"], "live");
    ASSERT_TRUE(flows_begin_anew());
    ASSERT_TRUE(eventually([&] { return nf_of(spinner)["packets"] > seen + 100; }));
  }
  const Json stats = manager_.stats();
  for (const auto& [cause, count] : stats["dropped"].items())
    EXPECT_TRUE(cause == "quarantined" || cause == "inbox_full" || cause == "buffer_share" || cause == "no_nf")
        << stats["dropped"];
  EXPECT_GT(manager_.dropped("quarantined"), 0U);
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, WhoNeverComesBackGoesWithItsHost) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam(), Json::object(), "other");
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
  EXPECT_TRUE(goes_on(manager_));
  EXPECT_EQ(manager_.call("stop", {{"nfs", {spinner}}})["stopped"], 1);
  EXPECT_TRUE(goes_on(manager_));
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, WhoBlocksInTheKernelIsOneToo) {
  const uint32_t sleeper = spawn_spinner("asleep");
  manager_.spawn(nf("forward"), "a", 2, GetParam());
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(sleeper, false)) << manager_.events();
  EXPECT_TRUE(goes_on(manager_));
  spins(false);
  EXPECT_TRUE(is_quarantined(sleeper, true)) << manager_.events();
  expect_books_close();
  manager_.end();
}

// Somebody else has the core for many times overrun_us, again and again; whoever was in a dispatch then is no runaway.
TEST_P(Overrun, WhoIsKeptFromTheProcessorIsNone) {
  manager_.spawn(nf("busy"), "a", 4, GetParam(), {{"cycles", 100'000}});
  ASSERT_TRUE(goes_on(manager_));
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(manager_.hosts().front()["core"].get<int>(), &core);
  bool allowed = true;
  std::thread([&] {
    const sched_param realtime{1};
    allowed = sched_setaffinity(0, sizeof core, &core) == 0 && sched_setscheduler(0, SCHED_FIFO, &realtime) == 0;
    for (int round = 0; allowed && round < 4; ++round) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
      while (std::chrono::steady_clock::now() < end) {
      }
      pause_ms(100);
    }
  }).join();
  if (!allowed) GTEST_SKIP() << "needs the right to real-time scheduling (root, or CAP_SYS_NICE)";
  EXPECT_TRUE(goes_on(manager_));
  EXPECT_FALSE(manager_.has_event("does not come back from process()")) << manager_.events();
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, TheManagerEndsWithARunaway) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam());
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
  EXPECT_TRUE(goes_on(manager_));
  manager_.end();
}

// By itself, once the wait is over and it has come back; the wait doubles.
TEST_P(Overrun, ItIsBroughtBackByItself) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam());
  manager_.call("set", {{"name", "resume_most_ms"}, {"value", 200}});
  manager_.call("set", {{"name", "resume_ms"}, {"value", 150}, {"nfs", {spinner}}});
  for (uint32_t round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(goes_on(manager_));
    spins(true);
    ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
    ASSERT_TRUE(eventually([&] { return nf_of(spinner).value("quarantines", 0U) == round; }));
    // It stays where it is until it has returned, however long its wait is over.
    ASSERT_TRUE(eventually([&] { return nf_of(spinner).value("resumes_in_ms", 1U) == 0; }));
    ASSERT_TRUE(goes_on(manager_));
    EXPECT_EQ(nf_of(spinner)["state"], "quarantined");
    spins(false);
    ASSERT_TRUE(eventually([&] { return nf_of(spinner).value("state", "") == "live"; })) << manager_.events();
    EXPECT_TRUE(manager_.has_event(fmt::format("gets packets again; quarantines so far: {}", round)))
        << manager_.events();
    const uint64_t seen = nf_of(spinner)["packets"];
    ASSERT_TRUE(flows_begin_anew());
    ASSERT_TRUE(eventually([&] { return nf_of(spinner)["packets"] > seen + 100; }));
  }
  EXPECT_FALSE(nf_of(spinner).contains("resumes_in_ms"));
  EXPECT_TRUE(manager_.has_event("come back and 0.15 s are over"));
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, WhoWaitsForAnOperatorFollowsTheSetting) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam());
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
  spins(false);
  ASSERT_TRUE(is_quarantined(spinner, true));
  ASSERT_TRUE(eventually([&] { return nf_of(spinner).value("quarantines", 0U) == 1; }));
  EXPECT_FALSE(nf_of(spinner).contains("resumes_in_ms")) << "the file says 0";
  manager_.call("set", {{"name", "resume_ms"}, {"value", 200'000}, {"service", "a"}});
  EXPECT_GT(nf_of(spinner)["resumes_in_ms"], 0U);
  manager_.call("set", {{"name", "resume_ms"}, {"value", 1}, {"service", "a"}});
  EXPECT_TRUE(eventually([&] { return nf_of(spinner).value("state", "") == "live"; })) << manager_.events();
  expect_books_close();
  manager_.end();
}

// Nothing but its own timer wakes its worker, and that was held.
TEST_P(Overrun, WhoLivesByItsTimerHasItBack) {
  manager_.call("pause");
  const uint32_t timer =
      manager_.spawn(module("test_alarm"), "a", 1, GetParam(), {{"every_ms", 20}, {"spins", file()}})["first"];
  for (int round = 0; round < 3; ++round) {
    spins(true);
    ASSERT_TRUE(is_quarantined(timer, false)) << "its timer does not fire, round " << round << manager_.events();
    spins(false);
    ASSERT_TRUE(is_quarantined(timer, true)) << manager_.events();
    pause_ms(300);  // its worker sleeps
    EXPECT_EQ(manager_.call("resume_nf", {{"nfs", {timer}}})["resumed"], 1);
  }
  expect_books_close();
  manager_.end();
}

// Its timer finds neither it nor its host.
TEST_P(Overrun, WhoIsStoppedMeanwhileStaysAway) {
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam(), Json::object(), "other");
  manager_.call("set", {{"name", "resume_ms"}, {"value", 300}});
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
  ASSERT_TRUE(eventually([&] { return nf_of(spinner).contains("resumes_in_ms"); }));
  EXPECT_EQ(manager_.call("stop", {{"nfs", {spinner}}})["stopped"], 1);
  pause_ms(400);
  EXPECT_TRUE(goes_on(manager_));
  EXPECT_FALSE(manager_.has_event("could not be resumed")) << manager_.events();
  EXPECT_FALSE(manager_.has_event("gets packets again;")) << manager_.events();
  expect_books_close();
  manager_.end();
}

// No thread hears: the host goes, with what it had, and others take its flows.
TEST_P(Overrun, WhoDoesNotHearIsKilledWithItsHost) {
  spawn_spinner("deaf");
  manager_.spawn(nf("forward"), "a", 2, GetParam(), Json::object(), "other");
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  EXPECT_TRUE(eventually([&] { return manager_.has_event("does not leave the worker"); })) << manager_.events();
  EXPECT_TRUE(eventually([&] { return manager_.figure("nfs_live") == 2; }));
  EXPECT_TRUE(goes_on(manager_));
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, MoreThanItMayHaveKillTheHost) {
  manager_.call("set", {{"name", "runaways_max"}, {"value", 0}});
  spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam(), Json::object(), "other");
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  EXPECT_TRUE(eventually([&] { return manager_.has_event("runaways_max: 0"); })) << manager_.events();
  EXPECT_TRUE(goes_on(manager_));
  expect_books_close();
  manager_.end();
}

TEST_P(Overrun, NeverWhereItIsOff) {
  manager_.call("set", {{"name", "overrun_us"}, {"value", 0}});
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam(), Json::object(), "other");
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(goes_on(manager_));
  pause_ms(300);
  EXPECT_EQ(nf_of(spinner)["state"], "live");
  spins(false);
  EXPECT_EQ(nf_of(spinner)["state"], "live");
  expect_books_close();
  manager_.end();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Overrun, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

// In the middle of a chain that lies in one host: the NF at fault is found, not the one that the packets came by.
class OverrunInAChain : public Overrun {
 protected:
  OverrunInAChain() : Overrun({"first", "a", "last"}) {}
};

TEST_P(OverrunInAChain, TheNfAtFaultIsFound) {
  manager_.call("pause");
  manager_.spawn(nf("forward"), "first", 2, GetParam());
  const uint32_t spinner = spawn_spinner();
  manager_.spawn(nf("forward"), "a", 2, GetParam());
  manager_.spawn(nf("forward"), "last", 2, GetParam());
  manager_.call("resume");
  ASSERT_TRUE(goes_on(manager_));
  spins(true);
  ASSERT_TRUE(is_quarantined(spinner, false)) << manager_.events();
  EXPECT_TRUE(goes_on(manager_));
  for (const Json& each : manager_.nfs())
    EXPECT_EQ(each["state"], each["id"] == spinner ? "quarantined" : "live") << json_text(each);
  spins(false);
  ASSERT_TRUE(is_quarantined(spinner, true));
  EXPECT_EQ(manager_.call("resume_nf", {{"nfs", {spinner}}})["resumed"], 1);
  EXPECT_TRUE(goes_on(manager_));
  expect_books_close();
  manager_.end();
}

INSTANTIATE_TEST_SUITE_P(Tiers, OverrunInAChain, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test::overrun_test

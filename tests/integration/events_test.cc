// SPDX-License-Identifier: BSD-3-Clause
// NFs that no packet comes to: their timers fire and their messages arrive all the same, in each tier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/nf_message.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

class Events : public testing::TestWithParam<const char*> {
 protected:
  Events() : manager_(simple_config({"a", "b"}, "rate_pps = 1000", "[hosts]\nseccomp_allow = [\"openat\"]\n")) {
    manager_.call("pause");
    EXPECT_TRUE(manager_.settled());
    received_ = manager_.figure("received");
  }
  ~Events() override {
    manager_.call("stop", {{"all", true}});
    expect_balanced(manager_.stats());
    EXPECT_EQ(manager_.figure("held"), 0U);
    EXPECT_EQ(manager_.figure("breaches"), 0U);
    manager_.end();
  }
  uint32_t spawn(const std::string& of, const std::string& service, uint32_t count, Json config) {
    return manager_.spawn(of, service, count, GetParam(), std::move(config))["first"].get<uint32_t>();
  }
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }

  ManagerProcess manager_;
  uint64_t received_ = 0;                                     // before the pause
  const std::string log_ = manager_.folder().path("nf-log");  // "log" is the manager's
};

TEST_P(Events, ATimerEmitsPacketsWithoutAnyComingIn) {
  const uint32_t first = spawn(nf("keepalive"), "a", 3, {{"out", "out"}, {"period_ms", 20}});
  EXPECT_TRUE(eventually([&] { return manager_.figure("transmitted") >= 30; })) << manager_.stats();
  EXPECT_EQ(manager_.figure("received"), received_);
  EXPECT_GE(manager_.figure("created"), 30U);
  EXPECT_GT(manager_.figure("wakes_by_deadline"), 0U);
  EXPECT_EQ(manager_.call("tell", {{"service", "a"}, {"text", "pause"}}), Json({{"told", 3}, {"refused", 0}}));
  uint64_t then = 0;  // it comes to rest
  EXPECT_TRUE(eventually([&] {
    const uint64_t before = std::exchange(then, manager_.figure("created"));
    pause_ms(100);
    return before == then;
  }));
  manager_.call("tell", {{"nf", first}, {"text", "resume"}});
  EXPECT_TRUE(eventually([&] { return manager_.figure("created") > then; }));
}

TEST_P(Events, MessagesWakeTheirNf) {
  const uint32_t first = spawn(module("test_alarm"), "a", 4, {{"log", log_}});
  for (int i = 0; i < 20; ++i) {
    const std::string text = "m" + std::to_string(i) + ";";
    manager_.call("tell", {{"nf", first + 2}, {"text", text}});
    ASSERT_TRUE(eventually([&] { return said().find(text) != std::string::npos; })) << text;
  }
  EXPECT_THAT(manager_.refusal("tell", {{"nf", 4'000}, {"text", "x"}}), HasSubstr("there is no NF 4000"));
  EXPECT_THAT(manager_.refusal("tell", {{"service", "b"}, {"text", "x"}}), HasSubstr("service 'b' has no NFs"));
  EXPECT_THAT(manager_.refusal("tell", {{"service", "c"}, {"text", "x"}}), HasSubstr("'c'"));
  EXPECT_THAT(manager_.refusal("tell", {{"text", "x"}}), HasSubstr("say whom"));
  EXPECT_THAT(manager_.refusal("tell", {{"nf", first}}), HasSubstr("'text' is missing"));
  EXPECT_THAT(manager_.refusal("tell", {{"nf", first}, {"text", std::string(kMessageBytesMax + 1, 'x')}}),
              HasSubstr("one has 4096 at most"));
}

TEST_P(Events, TimersOfStoppedNfsFireNoMore) {
  const uint32_t first = spawn(module("test_alarm"), "a", 2, {{"log", log_}, {"every_ms", 5}});
  EXPECT_TRUE(eventually([&] { return said().size() >= 10; }));
  manager_.call("stop", {{"nfs", {first, first + 1}}});
  const std::string then = said();
  EXPECT_EQ(then.back(), '.');
  pause_ms(50);
  EXPECT_EQ(said(), then);
}

INSTANTIATE_TEST_SUITE_P(Tiers, Events, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test

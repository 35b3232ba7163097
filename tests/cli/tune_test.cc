// SPDX-License-Identifier: BSD-3-Clause
// roost tune against a manager that is made up: what it asks, what it sets, and that it sets things back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "tests/cli/fake_manager.h"
#include "tests/support/run_program.h"

namespace roost {
namespace {

using test::FakeManager;
using testing::HasSubstr;
using Values = std::map<std::string, uint64_t>;

const Values kStandard{{"wake_packets", 1}, {"wake_deadline_us", 50}, {"spin_us", 20}};

// Waits as long as its settings say; has traffic, unless told otherwise.
class Waiter {
 public:
  explicit Waiter(Values own = {}, uint64_t packets_a_look = 1'000) : own_(std::move(own)), packets_(packets_a_look) {}

  std::string answer(const Json& request) {
    const std::lock_guard lock(mutex_);
    const std::string method = request["method"];
    const Json parameters = request.value("params", Json::object());
    if (method == "get") {
      const std::string name = parameters["name"];
      const bool own = own_.contains(name);
      return reply(request,
                   {{"settings", {{{"name", name}, {"value", now(name)}, {"from", own ? "manager" : "standard"}}}}});
    }
    if (method == "set" && parameters["name"] == refused_)
      return json_text(rpc_error(request["id"], RpcError::failed, "not with the others")) + "\n";
    if (method == "set") own_[parameters["name"]] = parameters["value"];
    if (method == "unset") own_.erase(parameters["name"]);
    if (method == "stats") return reply(request, stats());
    if (method == "ps") return reply(request, {{"hosts", Json::array()}, {"hosts_total", 0}});
    return reply(request, Json::object());
  }
  Values own() const {
    const std::lock_guard lock(mutex_);
    return own_;
  }
  void refuse(const std::string& name) { refused_ = name; }
  void drop_all() { drops_all_ = true; }

 private:
  static std::string reply(const Json& request, Json result) {
    return json_text(rpc_result(request["id"], std::move(result))) + "\n";
  }
  uint64_t now(const std::string& name) const { return own_.contains(name) ? own_.at(name) : kStandard.at(name); }
  Json stats() {
    looks_ += 1;
    const double wait = now("wake_packets") == 1 ? 0 : static_cast<double>(now("wake_deadline_us"));
    return {{"uptime_s", 0.05 * static_cast<double>(looks_)},
            {"received", looks_ * packets_},
            {"dropped", Json::object()},
            {"ports", Json::array()},
            {"latency_us", {{"count", drops_all_ ? 0 : looks_ * packets_}, {"p99", 30 + wait}}}};
  }

  mutable std::mutex mutex_;
  Values own_;
  uint64_t packets_, looks_ = 0;
  std::string refused_;
  bool drops_all_ = false;
};

class Tune : public testing::Test {
 protected:
  static FakeManager manager_with(Waiter& waiter) {
    return FakeManager([&waiter](const Json& request) { return waiter.answer(request); });
  }
  static test::Outcome tune(const FakeManager& manager, std::vector<std::string> more) {
    std::vector<std::string> arguments{"tune", "--socket", manager.path(), "--trial", "0.05"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program(ROOST_BIN_DIR "/roost", arguments);
  }
};

TEST_F(Tune, TellsWhatItTriedAndSetsBackWhatWasSet) {
  const Values before{{"wake_packets", 7}, {"wake_deadline_us", 70}};
  Waiter waiter(before);
  const FakeManager manager = manager_with(waiter);
  const auto outcome = tune(manager, {"--p99-us", "40", "--seconds", "3"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  for (const char* said : {"as it was", "The front", "The choice: ", "p99 30.0 us", "Settings are as they were",
                           "roost set wake_packets "})
    EXPECT_THAT(outcome.out, HasSubstr(said));
  EXPECT_EQ(waiter.own(), before);  // what came from the standard is unset, not set to it
}

TEST_F(Tune, AppliesItsChoiceIfAskedTo) {
  Waiter waiter({{"wake_packets", 64}, {"wake_deadline_us", 2'000}});
  const FakeManager manager = manager_with(waiter);
  const auto outcome = tune(manager, {"--p99-us", "40", "--seconds", "3", "--apply", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  const Json said = rpc_parse(outcome.out);
  EXPECT_TRUE(said["applied"].get<bool>());
  EXPECT_TRUE(said["choice"]["meets_goal"].get<bool>());
  for (const char* name : {"wake_packets", "wake_deadline_us", "spin_us"})
    EXPECT_EQ(waiter.own().at(name), said["choice"][name]) << name;
  EXPECT_GT(said["tried"].size(), 3U);
}

TEST_F(Tune, InterruptedItSetsBackWhatWasSet) {
  const Values before{{"spin_us", 33}};
  Waiter waiter(before);
  const FakeManager manager = manager_with(waiter);
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execl(ROOST_BIN_DIR "/roost", "roost", "tune", "--socket", manager.path().c_str(), "--p99-us", "40", "--seconds",
          "600", "--trial", "600", nullptr);
    _exit(127);
  }
  const auto measuring = [&] {  // it has set something and waits now
    const auto requests = manager.requests();
    return !requests.empty() && requests.back()["method"] == "ps";
  };
  for (int i = 0; i < 3'000 && !measuring(); ++i) usleep(10'000);
  ASSERT_TRUE(measuring());
  EXPECT_NE(waiter.own(), before);
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(waiter.own(), before);
}

TEST_F(Tune, WithoutTrafficItSaysSoAndSetsBack) {
  Waiter waiter({}, 0);
  const FakeManager manager = manager_with(waiter);
  const auto outcome = tune(manager, {"--cpu-max", "10", "--seconds", "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("no packet came"));
  EXPECT_EQ(waiter.own(), Values{});
}

TEST_F(Tune, WhereNoPacketLeavesItSaysSoAndSetsBack) {
  Waiter waiter;
  waiter.drop_all();
  const FakeManager manager = manager_with(waiter);
  const auto outcome = tune(manager, {"--p99-us", "40", "--seconds", "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("none left by a port"));
  EXPECT_EQ(waiter.own(), Values{});
}

TEST_F(Tune, WhatTheManagerRefusesIsNotChosen) {
  Waiter waiter;
  waiter.refuse("wake_deadline_us");
  const FakeManager manager = manager_with(waiter);
  const auto outcome = tune(manager, {"--p99-us", "40", "--seconds", "1", "--apply", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_FALSE(rpc_parse(outcome.out)["applied"].get<bool>());
  EXPECT_EQ(waiter.own(), Values{});
}

TEST_F(Tune, OneGoalIsNeeded) {
  Waiter waiter;
  const FakeManager manager = manager_with(waiter);
  EXPECT_EQ(tune(manager, {}).status, 2);
  EXPECT_EQ(tune(manager, {"--p99-us", "40", "--cpu-max", "10"}).status, 2);
}

TEST_F(Tune, OptionsOfAReplayGoWithOne) {
  Waiter waiter;
  const FakeManager manager = manager_with(waiter);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--config", "a.toml"},
                                                {"--setup", "true"},
                                                {"--speed", "2"},
                                                {"--pcap", "a.pcap"}}) {  // beside --socket
    std::vector<std::string> arguments{"--p99-us", "40"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(tune(manager, arguments).status, 2) << wrong[0];
  }
  EXPECT_TRUE(manager.requests().empty());
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--apply"}, {"--config", "a"}, {"--port", "a"}}) {
    std::vector<std::string> arguments{"tune", "--p99-us", "40", "--pcap", "a.pcap"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(test::run_program(ROOST_BIN_DIR "/roost", arguments).status, 2) << wrong[0];
  }
}

}  // namespace
}  // namespace roost

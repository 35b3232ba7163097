// SPDX-License-Identifier: BSD-3-Clause
// Bad input over the operators' socket: a clear error, and a manager that goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/socket.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Control : public testing::Test {
 protected:
  Control() : manager_(simple_config({"a", "b"}, "rate_pps = 1000")) {}
  ~Control() override {
    EXPECT_EQ(manager_.figure("nfs_live"), 0U);
    EXPECT_TRUE(manager_.hosts().empty());
    expect_balanced(manager_.stats());
    manager_.end();
  }

  static int code(const Json& answer) { return answer.is_object() ? answer["error"].value("code", 0) : 1; }
  std::string refused_spawn(Json changes) {
    Json parameters{{"module", nf("forward")}, {"service", "a"}, {"count", 1}, {"tier", "fiber"}};
    parameters.update(changes);
    return manager_.refusal("spawn", parameters);
  }

  ManagerProcess manager_;
};

TEST_F(Control, WhatIsNoRequestGetsAnError) {
  Operator& to = manager_.operate();
  for (const char* line : {"", "hello", "{\"jsonrpc\": \"2.0\",", "\xff\xfe", "{\"a\":1}}"})
    EXPECT_EQ(code(to.say(line)), -32700) << line;
  for (const char* line : {"[]", "1", "null", "\"stats\"", "{}", R"({"jsonrpc":"1.0","id":1,"method":"stats"})",
                           R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"method":7})",
                           R"([{"jsonrpc":"2.0","id":1,"method":"stats"}])"})
    EXPECT_EQ(code(to.say(line)), -32600) << line;
  EXPECT_EQ(code(to.say(R"({"jsonrpc":"2.0","id":1,"method":"fly"})")), -32601);
  EXPECT_EQ(code(to.say(R"({"jsonrpc":"2.0","id":1,"method":"stats","params":[1]})")), -32602);
  EXPECT_EQ(to.say(R"({"jsonrpc":"2.0","id":"seven","method":"version"})")["id"], "seven");
}

TEST_F(Control, DeepNestingIsNoStackOverflow) {
  const std::string deep(200'000, '['), back(200'000, ']');
  EXPECT_EQ(code(manager_.operate().say(deep + back)), -32700);
  EXPECT_EQ(code(manager_.operate().say(R"({"jsonrpc":"2.0","method":"stats","id":)" + deep + back + "}")), -32700);
  EXPECT_EQ(code(manager_.operate().say(R"({"jsonrpc":"2.0","id":1,"method":"spawn","params":{"count":)" + deep + back +
                                        "}}")),
            -32700);
}

TEST_F(Control, TooLongARequestIsRefused) {
  for (const bool ended : {false, true}) {
    Operator to(manager_.socket());
    try {
      to.write(std::string(kRequestBytesMax + 5'000, ' ') + (ended ? "\n" : ""));
    } catch (const Error&) {  // it need not be read to its end
    }
    const Json answer = to.read();
    EXPECT_EQ(code(answer), -32600);
    EXPECT_THAT(answer["error"].value("message", ""), HasSubstr(fmt::to_string(kRequestBytesMax)));
    EXPECT_TRUE(to.read().is_discarded());  // closed
  }
  // The longest that may be is read.
  std::string longest = R"({"jsonrpc":"2.0","id":1,"method":"version"})";
  longest.append(kRequestBytesMax - longest.size(), ' ');
  EXPECT_TRUE(manager_.operate().say(longest).contains("result"));
}

TEST_F(Control, LinesComeInPiecesAndTogether) {
  Operator to(manager_.socket());
  for (const char c : std::string(R"({"jsonrpc":"2.0","id":5,"method":"version"})")) {
    to.write(std::string(1, c));
    pause_ms(1);
  }
  EXPECT_TRUE(manager_.call("version").contains("pid"));  // meanwhile others are answered
  to.write("\n" + std::string(R"({"jsonrpc":"2.0","id":6,"method":"version"})") + "\nx\n");
  EXPECT_EQ(to.read()["id"], 5);
  EXPECT_EQ(to.read()["id"], 6);
  EXPECT_EQ(code(to.read()), -32700);
  Operator gone(manager_.socket());
  gone.write(R"({"jsonrpc":"2.0","id":5,"met)");  // and hangs up
}

TEST_F(Control, ThreeHundredConnections) {
  std::vector<std::unique_ptr<Operator>> operators;
  for (int i = 0; i < 300; ++i) operators.push_back(std::make_unique<Operator>(manager_.socket()));
  size_t served = 0, refused = 0;
  for (auto& each : operators) {
    const Json answer = each->say(R"({"jsonrpc":"2.0","id":1,"method":"version"})");
    served += answer.is_object() && answer.contains("result");
    if (answer.is_object() && answer.contains("error")) {
      ++refused;
      EXPECT_THAT(answer["error"]["message"].get<std::string>(), HasSubstr("connections are open already"));
    }
  }
  EXPECT_EQ(served, 255U);  // and the fixture's own
  EXPECT_EQ(refused, 45U);
  operators.clear();
  EXPECT_TRUE(eventually([&] {
    Operator again(manager_.socket());
    return again.refusal("version").empty();
  }));
}

TEST_F(Control, AnOperatorWhoDoesNotReadHoldsUpNobodyForLong) {
  Operator deaf(manager_.socket());
  try {
    const timeval patience{0, 200'000};
    setsockopt(deaf.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (int i = 0; i < 2'000; ++i)
      deaf.write(R"({"jsonrpc":"2.0","id":1,"method":"get"})"
                 "\n");
  } catch (const Error&) {
  }
  EXPECT_TRUE(manager_.call("version").contains("pid"));
}

TEST_F(Control, ManyRequestsAtOnceLetOthersBetween) {
  constexpr int kRequests = 150;  // their answers fit into its socket
  Operator busy(manager_.socket());
  std::string lines;
  for (int i = 0; i < kRequests; ++i)
    lines += fmt::format("{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"version\"}}\n", i);
  busy.write(lines);
  EXPECT_TRUE(manager_.call("version").contains("pid"));
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(busy.read()["id"], i);
}

TEST_F(Control, ASecondManagerOnTheSocketLeavesTheFirstAlone) {
  const std::string config = manager_.folder().path("roost.toml");
  const Exit second = run_to_end({ROOST_BIN_DIR "/roostd", "--config", config, "--socket", manager_.socket()});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.said, AllOf(HasSubstr("a manager is listening there already"), HasSubstr(manager_.socket())));
  Operator again(manager_.socket());
  EXPECT_EQ(again.call("version")["pid"], manager_.pid());
  manager_.spawn(nf("forward"), "a", 1, "process");  // its hosts' socket is whole, too
  manager_.call("stop", {{"all", true}});
  EXPECT_TRUE(eventually([&] { return manager_.hosts().empty(); }));
}

TEST_F(Control, AnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  if (access("/usr/bin/setpriv", X_OK) != 0) GTEST_SKIP() << "there is no setpriv";
  const std::string folder = std::filesystem::path(manager_.socket()).parent_path();
  const std::string probe = folder + "/roost";
  std::filesystem::copy_file(ROOST_BIN_DIR "/roost", probe);
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
  ASSERT_EQ(chmod(probe.c_str(), 0755), 0);
  const std::vector<std::string> words{"setpriv", "--reuid=65534", "--regid=65534",  "--clear-groups", probe,
                                       "ps",      "--socket",      manager_.socket()};
  const Exit locked = run_to_end(words);  // by the file's mode
  EXPECT_NE(locked.status, 0);
  EXPECT_THAT(locked.said, HasSubstr("another user"));
  ASSERT_EQ(chmod(manager_.socket().c_str(), 0777), 0);
  const Exit refused = run_to_end(words);  // by who asks
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.said, HasSubstr("user 65534 may not operate this manager"));
}

TEST_F(Control, SpawnsThatCannotBe) {
  EXPECT_THAT(refused_spawn({{"service", "fire"}}), AllOf(HasSubstr("'fire'"), HasSubstr("services here: a, b")));
  EXPECT_THAT(refused_spawn({{"service", 7}}), HasSubstr("'service' has the wrong type"));
  EXPECT_THAT(refused_spawn({{"service", nullptr}}), HasSubstr("'service' is missing"));
  EXPECT_THAT(refused_spawn({{"tier", "container"}}), HasSubstr("there are fiber and process"));
  EXPECT_THAT(refused_spawn({{"count", 0}}), HasSubstr("count of 0"));
  EXPECT_THAT(refused_spawn({{"count", -1}}), HasSubstr("whole number"));
  EXPECT_THAT(refused_spawn({{"count", "ten"}}), HasSubstr("whole number"));
  EXPECT_THAT(refused_spawn({{"count", 2.5}}), HasSubstr("whole number"));
  EXPECT_THAT(refused_spawn({{"count", (uint64_t{1} << 32) + 1}}), HasSubstr("whole number"));
  EXPECT_THAT(refused_spawn({{"count", UINT32_MAX}}), HasSubstr("too many"));
  EXPECT_THAT(refused_spawn({{"count", 70'000}, {"tier", "process"}}), HasSubstr("too many"));
  EXPECT_THAT(refused_spawn({{"config", 7}}), HasSubstr("JSON object"));
  EXPECT_THAT(manager_.refusal("spawn", Json::object()), HasSubstr("'module' is missing"));
  EXPECT_TRUE(eventually([&] { return manager_.hosts().empty(); }));
}

// So that nobody makes the manager write an answer as long as its list.
TEST_F(Control, AnAnswerHasItsBoundWhateverIsAskedFor) {
  constexpr uint32_t kNfs = 10'100;
  manager_.spawn(nf("forward"), "a", kNfs);
  const Json first = manager_.call("ps", {{"limit", UINT32_MAX}}).at("nfs");
  ASSERT_EQ(first.size(), 10'000U);
  const Json rest = manager_.call("ps", {{"after", first.back()["id"]}, {"limit", UINT32_MAX}}).at("nfs");
  EXPECT_EQ(rest.size(), kNfs - 10'000);
  EXPECT_EQ(manager_.nfs().size(), kNfs);
  manager_.call("stop", {{"all", true}});
}

TEST_F(Control, OtherRequestsThatCannotBe) {
  EXPECT_THAT(manager_.refusal("stop", Json::object()), HasSubstr("say which"));
  EXPECT_THAT(manager_.refusal("stop", {{"service", "fire"}}), HasSubstr("services here"));
  EXPECT_THAT(manager_.refusal("stop", {{"nfs", {0}}}), HasSubstr("there is no NF 0"));
  EXPECT_THAT(manager_.refusal("stop", {{"nfs", {uint64_t{1} << 32}}}), HasSubstr("whole number"));
  EXPECT_THAT(manager_.refusal("stop", {{"nfs", {-1}}}), HasSubstr("whole number"));
  EXPECT_THAT(manager_.refusal("stop", {{"nfs", 0}}), HasSubstr("list"));
  EXPECT_THAT(manager_.refusal("stop", {{"all", 1}}), HasSubstr("wrong type"));
  EXPECT_THAT(manager_.refusal("ps", {{"limit", "all"}}), HasSubstr("whole number"));
  EXPECT_THAT(manager_.refusal("ps", {{"after", 0.5}}), HasSubstr("whole number"));
  EXPECT_THAT(manager_.refusal("stats", {{"memory", "yes"}}), HasSubstr("wrong type"));
}

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// A real nursery, and hosts forked from it, against a manager that the test plays.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <csignal>

#include "tests/nflib/fake_manager.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

class Nursery : public testing::Test {
 protected:
  Nursery() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = FileDescriptor(ends[0]);
    const FileDescriptor theirs(ends[1]);
    fcntl(theirs.get(), F_SETFD, 0);
    nursery_ = run_program(
        {ROOST_BIN_DIR "/roost-host", "--nursery", std::to_string(theirs.get()), "--socket", manager_.socket()});
  }
  ~Nursery() override {
    if (nursery_ > 0) kill(nursery_, SIGKILL), waitpid(nursery_, nullptr, 0);
  }
  Json say(const std::string& text) {
    send_message(ours_.get(), text);
    return hear();
  }
  Json hear() {
    const auto message = receive_within(ours_.get(), 10s);
    return message ? rpc_parse(message->text) : Json();
  }
  pid_t fork_host(const std::string& token) {
    const pid_t pid = rpc_take_result(say(json_text(rpc_request(1, "fork", {{"token", token}, {"core", -1}}))))["pid"];
    EXPECT_EQ(manager_.accept_host()["params"]["token"], token);
    return pid;
  }
  FakeManager manager_;
  FileDescriptor ours_;
  pid_t nursery_ = -1;
};

TEST_F(Nursery, ForksHostsThatServe) {
  const pid_t pid = fork_host("first");
  EXPECT_EQ(peer_of(manager_.connection()).pid, pid);
  EXPECT_THAT(manager_.why_not("start", manager_.start_parameters(0, 1)), HasSubstr("no such module"));
  manager_.tell(json_text(rpc_request(2, "quit", Json::object())));
  const Json exited = hear();
  EXPECT_EQ(exited["method"], "exited");
  EXPECT_EQ(exited["params"], (Json{{"pid", pid}, {"status", 0}}));
}

TEST_F(Nursery, ReportsHowAHostDied) {
  const pid_t pid = fork_host("second");
  kill(pid, SIGKILL);
  const Json exited = hear();
  EXPECT_EQ(exited["params"]["pid"], pid);
  EXPECT_EQ(exited["params"]["status"], SIGKILL);
}

TEST_F(Nursery, NonsenseGetsAnError) {
  EXPECT_THAT(say("{")["error"]["message"].get<std::string>(), HasSubstr("not JSON"));
  EXPECT_THAT(say("[]")["error"]["message"].get<std::string>(), HasSubstr("one method"));
  EXPECT_THAT(say(R"({"method":"load"})")["error"]["message"].get<std::string>(), HasSubstr("one method"));
  EXPECT_THAT(say(R"({"method":"fork"})")["error"]["message"].get<std::string>(), HasSubstr("'token' is missing"));
  EXPECT_THAT(say(R"({"method":"fork","params":{"token":"t","core":"x"}})")["error"]["message"].get<std::string>(),
              HasSubstr("'core'"));
  fork_host("still there");
}

TEST_F(Nursery, EndsWithItsManagerAndSoDoItsHosts) {
  const FileDescriptor host(static_cast<int>(syscall(SYS_pidfd_open, fork_host("third"), 0)));
  ours_.reset();
  EXPECT_EQ(ends_within(nursery_, 1s), 0);
  nursery_ = -1;
  pollfd ended{host.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 1000), 1);
}

TEST(RoostHost, UsageErrorsNameTheRemedy) {
  const auto status_of = [](std::vector<std::string> words) {
    words.insert(words.begin(), ROOST_BIN_DIR "/roost-host");
    return WEXITSTATUS(ends_within(run_program(std::move(words)), 5s).value_or(0));
  };
  EXPECT_EQ(status_of({}), 2);
  EXPECT_EQ(status_of({"--attach"}), 2);
  EXPECT_EQ(status_of({"--attach", "--socket", "x"}), 2);
  EXPECT_EQ(status_of({"--nursery", "two", "--socket", "x"}), 2);
  EXPECT_EQ(status_of({"--nursery", "999", "--socket", "x"}), 2);
  EXPECT_EQ(status_of({"--attach", "--socket", "/nowhere/s", "--token", "t"}), 1);
}

}  // namespace
}  // namespace roost::test

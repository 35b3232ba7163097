// SPDX-License-Identifier: BSD-3-Clause
// A real nursery, and hosts forked from it, against a manager that the test plays.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <csignal>

#include "core/memory_text.h"
#include "tests/nflib/fake_manager.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

class Nursery : public testing::Test {
 protected:
  Nursery() { launch({}); }
  explicit Nursery(const std::vector<std::string>& options) { launch(options); }
  void launch(const std::vector<std::string>& options) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = FileDescriptor(ends[0]);
    const FileDescriptor theirs(ends[1]);
    fcntl(theirs.get(), F_SETFD, 0);
    std::vector<std::string> words{ROOST_BIN_DIR "/roost-host", "--nursery", std::to_string(theirs.get()), "--socket",
                                   manager_->socket()};
    words.insert(words.end(), options.begin(), options.end());
    nursery_ = run_program(words);
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
    EXPECT_EQ(manager_->accept_host()["params"]["token"], token);
    return pid;
  }
  std::optional<FakeManager> manager_{std::in_place};
  FileDescriptor ours_;
  pid_t nursery_ = -1;
};

TEST_F(Nursery, ForksHostsThatServe) {
  const pid_t pid = fork_host("first");
  EXPECT_EQ(peer_of(manager_->connection()).pid, pid);
  EXPECT_THAT(manager_->why_not("start", manager_->start_parameters(0, 1)), HasSubstr("no such module"));
  manager_->tell(json_text(rpc_request(2, "quit", Json::object())));
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
  EXPECT_THAT(say("[]")["error"]["message"].get<std::string>(), HasSubstr("methods"));
  EXPECT_THAT(say(R"({"method":"load"})")["error"]["message"].get<std::string>(), HasSubstr("methods"));
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

// Its manager hangs up on it and its hosts, and the test goes on as the one that comes next.
class WaitingNursery : public Nursery {
 protected:
  WaitingNursery() : Nursery({"--outlive-s", "20"}) {}
  Json ask(const std::string& method, Json parameters, const std::vector<int>& descriptors = {}) {
    send_message(ours_.get(), json_text(rpc_request(1, method, std::move(parameters))), descriptors);
    auto message = receive_within(ours_.get(), 10s);
    if (!message) fail("no answer");
    came_ = std::move(message->descriptors);
    return rpc_take_result(rpc_parse(message->text));
  }
  pid_t host_with_nfs(uint32_t count) {
    const pid_t pid = fork_host("waits");
    const FileDescriptor module(open(ROOST_TEST_MODULE_DIR "/test_tally.so", O_RDONLY | O_CLOEXEC));
    manager_->ask("load", {{"module", 1}, {"path", "tally.so"}}, {module.get()});
    manager_->ask("start", manager_->start_parameters(0, count));
    ask("keep", Json::object(), {text_in_memory("roster", "what there is").get()});
    return pid;
  }
  void next_manager() {
    manager_->hang_up();
    ours_ = connect_unix(manager_->socket() + ".nursery", SOCK_SEQPACKET);
    manager_.reset();
    manager_.emplace();
  }
  // The answer of the host.
  std::string take_over(pid_t pid, const Json& nfs) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    const FileDescriptor theirs(ends[1]);
    manager_->use(FileDescriptor(ends[0]));
    const Json handed = ask("hand", {{"pid", pid}}, {theirs.get()});
    if (handed.contains("ended")) return "ended";
    EXPECT_EQ(came_.size(), 1U);
    const FileDescriptor list = text_in_memory("nfs", json_text(nfs));
    std::vector<int> descriptors = manager_->descriptors();
    descriptors.push_back(list.get());
    return manager_->why_not("take_over", manager_->terms(), descriptors);
  }
  static uint32_t count_in(uint32_t handle) {
    uint32_t count = 0;
    std::memcpy(&count, packet_buffer(handle) + kHeadroomBytes + 6, sizeof count);
    return count;
  }
  std::vector<FileDescriptor> came_;
};

TEST_F(WaitingNursery, HandsItsHostsToTheNextManager) {
  const pid_t pid = host_with_nfs(2);
  for (uint32_t handle = 1; handle <= 3; ++handle) {
    manager_->deliver(1, handle, PathRef::at(0, 0));
    ASSERT_EQ(manager_->collect(1).size(), 1U);
  }
  next_manager();
  ask("take_back", Json::object());
  ASSERT_EQ(came_.size(), 1U);
  EXPECT_EQ(text_of(came_[0].get()), "what there is");
  EXPECT_EQ(take_over(pid, Json::array({{0, 2, 100, Json::array()}})), "done: {\"lost\":0}");
  ask("keep", Json::object(), {text_in_memory("roster", "").get()});
  manager_->deliver(1, 9, PathRef::at(0, 0));
  ASSERT_EQ(manager_->collect(1).size(), 1U);
  EXPECT_EQ(count_in(9), 4U);
  EXPECT_EQ(manager_->why_not("take_over", manager_->terms()), "take_over: this host has a manager");
  send_message(ours_.get(), json_text(rpc_request(1, "quit", Json::object())));
  EXPECT_EQ(ends_within(nursery_, 20s), 0);
  nursery_ = -1;
}

TEST_F(WaitingNursery, AHostThatHasOtherNfsSaysSo) {
  const pid_t pid = host_with_nfs(2);
  next_manager();
  const auto refusal = [&](uint32_t place, uint32_t count, uint32_t id) {
    return take_over(pid, Json::array({{place, count, id, Json::array()}}));
  };
  EXPECT_THAT(refusal(0, 1, 100), HasSubstr("2 NFs live here, 1 are known of"));
  for (const auto& [place, count, id] : {std::tuple{0U, 3U, 100U}, {0U, 2U, 101U}, {1U, 2U, 101U}, {1U, 1U, 100U}})
    EXPECT_THAT(refusal(place, count, id), HasSubstr("do not live here"));
  EXPECT_THAT(take_over(pid, {{"nfs", 7}}), HasSubstr("no list"));
  EXPECT_THAT(manager_->why_not("start", manager_->start_parameters(5, 1)), HasSubstr("waits for a manager"));
  Json terms = manager_->terms();
  terms["region_bytes"] = 4096;
  EXPECT_THAT(manager_->why_not("take_over", terms, manager_->descriptors()), HasSubstr("bytes of the region"));
  EXPECT_EQ(refusal(0, 2, 100), "done: {\"lost\":0}");
}

TEST_F(WaitingNursery, TellsHowOneEndedThatWaited) {
  const pid_t pid = host_with_nfs(1);
  manager_->hang_up();
  ours_ = connect_unix(manager_->socket() + ".nursery", SOCK_SEQPACKET);
  ask("take_back", Json::object());
  kill(pid, SIGKILL);
  for (int i = 0; i < 5'000 && kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(ask("hand", {{"pid", pid}}, {ours_.get()}), (Json{{"ended", SIGKILL}}));
  send_message(ours_.get(), json_text(rpc_request(1, "hand", {{"pid", 1}})), {ours_.get()});
  EXPECT_THAT(hear()["error"]["message"].get<std::string>(), HasSubstr("no such host"));
}

// Hosts see that a manager dies before the nursery does: it tells one that does not read any more.
TEST_F(WaitingNursery, TellsHowOneEndedWhileItsManagerDied) {
  const pid_t pid = host_with_nfs(1);
  fork_host("another");  // which there is to wait with
  kill(pid, SIGKILL);
  for (int i = 0; i < 5'000 && kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(readable_within(ours_.get(), 20'000));  // told, and not read
  ours_.reset();
  manager_->hang_up();
  ours_ = connect_unix(manager_->socket() + ".nursery", SOCK_SEQPACKET);
  ask("take_back", Json::object());
  EXPECT_EQ(ask("hand", {{"pid", pid}}, {ours_.get()}), (Json{{"ended", SIGKILL}}));
}

TEST_F(WaitingNursery, WhoWasNotTakenOverIsForgotten) {
  const pid_t pid = host_with_nfs(1);
  next_manager();
  ask("keep", Json::object(), {text_in_memory("roster", "").get()});
  for (int i = 0; i < 10'000 && kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(1ms);
  ours_.reset();
  EXPECT_EQ(ends_within(nursery_, 5s), 0) << "there is nothing to wait with";
  nursery_ = -1;
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

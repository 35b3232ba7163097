// SPDX-License-Identifier: BSD-3-Clause
// Who may do what on the control socket, and how often: real users, a real manager.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/socket.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

constexpr uid_t kObserver = 61001, kOperator = 61002, kStranger = 61003;
constexpr gid_t kStaff = 62001;

// What a process of this user and groups is answered; each method in turn on one connection.
std::vector<std::string> as_user(uid_t uid, std::vector<gid_t> groups, const std::string& socket,
                                 const std::vector<std::pair<std::string, Json>>& calls) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    Json said = Json::array();
    try {
      if (setgroups(groups.size(), groups.data()) != 0 || setresgid(uid, uid, uid) != 0 ||
          setresuid(uid, uid, uid) != 0)
        fail_errno("cannot become user {}", uid);
      Operator to(socket);
      for (const auto& [method, parameters] : calls) said.push_back(to.refusal(method, parameters));
    } catch (const std::exception& error) {
      said.push_back(error.what());
    }
    const std::string text = json_text(said);
    if (write(ends[1], text.data(), text.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> chunk;
  for (ssize_t bytes; (bytes = read(ends[0], chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<size_t>(bytes));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return rpc_parse(text).get<std::vector<std::string>>();
}

class Roles : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  }
  static std::string config(const std::string& control) {
    return simple_config({"a"}, "rate_pps = 1000", "[control]\n" + control + "\n");
  }
  static void open_folder(const ManagerProcess& manager) {
    ASSERT_EQ(chmod(std::filesystem::path(manager.socket()).parent_path().c_str(), 0755), 0);
  }
};

TEST_F(Roles, ObserversLookAndOperatorsDoEverything) {
  ManagerProcess manager(config("observers = [\"61001\", \"@62001\"]\noperators = [\"61002\"]"));
  open_folder(manager);
  const std::string& socket = manager.socket();
  std::vector<std::pair<std::string, Json>> looks{{"version", Json::object()}, {"ps", Json::object()},
                                                  {"stats", Json::object()},   {"get", Json::object()},
                                                  {"chains", Json::object()},  {"ports", Json::object()},
                                                  {"events", Json::object()},  {"rule_list", Json::object()}};
  const std::vector<std::pair<std::string, Json>> deeds{{"set", {{"name", "weight"}, {"value", 200}}},
                                                        {"pause", Json::object()},
                                                        {"resume", Json::object()},
                                                        {"clear_latency", Json::object()},
                                                        {"down", Json::object()}};
  for (const auto& said : as_user(kObserver, {}, socket, looks)) EXPECT_EQ(said, "");
  for (const auto& said : as_user(kStranger, {kStaff}, socket, looks)) EXPECT_EQ(said, "");
  for (const auto& said : as_user(kObserver, {}, socket, deeds)) EXPECT_THAT(said, HasSubstr("observers may not"));
  EXPECT_EQ(as_user(kOperator, {}, socket, {deeds[0]}).at(0), "");
  EXPECT_THAT(as_user(kStranger, {}, socket, {looks[0]}).at(0), HasSubstr("user 61003 may not operate this manager"));
  EXPECT_EQ(manager.call("version").at("role"), "operate");
  EXPECT_EQ(manager.call("get", {{"name", "weight"}}).at("settings").at(0).at("value"), 200);
  manager.end();
}

TEST_F(Roles, TheFilesModeAndGroupAreAsConfigured) {
  ManagerProcess manager(config("observers = [\"61001\"]\nmode = \"0640\"\ngroup = \"62001\""));
  struct stat status {};
  ASSERT_EQ(stat(manager.socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
  EXPECT_EQ(status.st_gid, kStaff);
  ASSERT_EQ(stat((manager.socket() + ".hosts").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);  // hosts' is as it was
  open_folder(manager);
  EXPECT_THAT(as_user(kObserver, {}, manager.socket(), {{"version", Json::object()}}).at(0),
              HasSubstr("no permission to connect"));
  manager.end();
}

TEST_F(Roles, ObserversLeaveRoomForOperators) {
  ManagerProcess manager(config("observers = [\"61001\"]"));
  open_folder(manager);
  manager.call("version");  // has a connection of its own
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgroups(0, nullptr) != 0 || setresgid(kObserver, kObserver, kObserver) != 0 ||
        setresuid(kObserver, kObserver, kObserver) != 0)
      _exit(1);
    std::vector<std::unique_ptr<Operator>> many;
    uint32_t refused = 0;
    for (int i = 0; i < 250; ++i) {
      many.push_back(std::make_unique<Operator>(manager.socket()));
      refused += many.back()->refusal("version").find("connections are open already") != std::string::npos;
    }
    if (write(ends[1], &refused, sizeof refused) < 0) _exit(1);
    pause();
  }
  uint32_t refused = 0;
  ASSERT_EQ(read(ends[0], &refused, sizeof refused), ssize_t{sizeof refused});
  EXPECT_EQ(refused, 250U - 191U);
  Operator another(manager.socket());
  EXPECT_EQ(another.refusal("version"), "");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  manager.end();
}

TEST_F(Roles, TooManyRequestsAreRefusedAndTheConnectionGoesOn) {
  ManagerProcess manager(config("observers = [\"61001\"]"));
  open_folder(manager);
  manager.call("set", {{"name", "connection_requests_per_s"}, {"value", 50}});
  Operator busy(manager.socket());
  uint32_t answered = 0, refused = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string said = busy.refusal("version");
    answered += said.empty();
    refused += said.find("more than 50 requests/s on this connection") != std::string::npos;
  }
  EXPECT_EQ(answered + refused, 200U);
  EXPECT_GE(answered, 50U);
  EXPECT_GE(refused, 50U);
  EXPECT_EQ(manager.operate().refusal("version"), "");  // another one is not held up
  pause_ms(100);
  EXPECT_EQ(busy.refusal("version"), "");
  // Each role's is its own: observers who ask without end refuse nobody but observers.
  manager.call("set", {{"name", "role_requests_per_s"}, {"value", 40}});
  std::vector<std::pair<std::string, Json>> flood(45, {"version", Json::object()});
  size_t observers_refused = 0;
  for (const auto& said : as_user(kObserver, {}, manager.socket(), flood))
    observers_refused += said.find("by all who observe") != std::string::npos;
  EXPECT_GE(observers_refused, 1U);
  EXPECT_EQ(Operator(manager.socket()).refusal("version"), "");
  manager.end();
}

}  // namespace
}  // namespace roost::test

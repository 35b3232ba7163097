// SPDX-License-Identifier: BSD-3-Clause
// Whoever comes to the hosts' socket without being one is turned away, while spawns go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "core/error.h"
#include "core/socket.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

class Hosts : public testing::Test {
 protected:
  Hosts() : manager_(simple_config({"a"}, "rate_pps = 1000")) {}
  ~Hosts() override { manager_.end(); }

  FileDescriptor connect() const { return connect_unix(manager_.socket() + ".hosts", SOCK_SEQPACKET); }
  // What the manager says to this connection before it closes it.
  static std::string last_word(const FileDescriptor& connection) {
    pollfd readable{connection.get(), POLLIN, 0};
    if (poll(&readable, 1, kSanitized ? 60'000 : 5'000) <= 0) return "nothing";
    const auto message = receive_message(connection.get());
    return message ? message->text : "closed";
  }

  ManagerProcess manager_;
};

TEST_F(Hosts, ThatNobodyAskedForAreTurnedAway) {
  const Exit exit =
      run_to_end({ROOST_BIN_DIR "/roost-host", "--attach", "--socket", manager_.socket(), "--token", "guessed"});
  EXPECT_NE(exit.status, 0);
  EXPECT_THAT(exit.said, HasSubstr("no host is expected"));
  EXPECT_TRUE(manager_.hosts().empty());
}

TEST_F(Hosts, NonsenseMakesNoDifference) {
  std::vector<FileDescriptor> connections;
  for (const std::string& text : {std::string("hello"), std::string("{"), std::string(R"({"method":7})"),
                                  std::string(60'000, '['), std::string(R"({"method":"attach","params":{}})")}) {
    connections.push_back(connect());
    try {
      send_message(connections.back().get(), text);
    } catch (const Error&) {  // turned away already
    }
  }
  for (const auto& connection : connections) EXPECT_NE(last_word(connection), "nothing");
  manager_.spawn(nf("forward"), "a", 2, "process");
  EXPECT_EQ(manager_.hosts().size(), 2U);
}

TEST_F(Hosts, OfSpawnsFindTheirWayThroughACrowdOfOthers) {
  std::atomic<bool> stop{false};
  std::atomic<int> came{0};
  std::thread crowd([&] {
    while (!stop) {
      try {
        const auto connection = connect();
        ++came;
        if (came % 2 == 0) send_message(connection.get(), R"({"jsonrpc":"2.0","id":1,"method":"attach","params":[]})");
        if (came % 3 == 0) last_word(connection);
      } catch (const Error&) {  // turned away, or too many wait
      }
    }
  });
  manager_.spawn(nf("forward"), "a", static_cast<uint32_t>(scaled(20, 5)), "process");
  manager_.spawn(nf("forward"), "a", 10);
  stop = true;
  crowd.join();
  EXPECT_GT(came, 5);
  EXPECT_EQ(manager_.figure("nfs_live"), scaled(20, 5) + 10);
  EXPECT_EQ(manager_.live_hosts().size(), scaled(20, 5) + 1);
}

TEST_F(Hosts, ThatIdleOnTheSocketHoldUpNoSpawn) {
  std::vector<FileDescriptor> idle;
  for (int i = 0; i < 50; ++i) idle.push_back(connect());
  manager_.spawn(nf("forward"), "a", 1, "process");
  EXPECT_EQ(manager_.live_hosts().size(), 1U);
}

// A host that hangs is killed with the rest when the manager ends.
TEST_F(Hosts, ThatAreStoppedDoNotHoldUpTheEnd) {
  manager_.spawn(nf("forward"), "a", 1, "process");
  kill(manager_.live_hosts().at(0), SIGSTOP);
}

// Its inbox's cursor goes back; it is named and ended, and others go on.
TEST(HostileHosts, ThatRewindACursorAreKilled) {
  ManagerProcess manager(simple_config({"a"}, "flows = 50\nrate_pps = 50000\nbacklog_packets = 1000"));
  manager.call("pause");  // flows that live stay with the NFs that they have
  manager.spawn(nf("forward"), "a", 1, "process");
  manager.spawn(module("test_rewind"), "a", 1, "process");
  const pid_t pid = manager.live_hosts().at(1);
  manager.call("resume");
  EXPECT_TRUE(eventually([&] { return manager.has_event(fmt::format("pid {}): wrote a cursor", pid)); }));
  EXPECT_TRUE(eventually([&] { return manager.hosts().size() == 1; })) << manager.events();
  EXPECT_FALSE(runs(pid));
  EXPECT_GT(manager.figure("breaches"), 0U);
  const uint64_t before = manager.figure("transmitted");
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") > before + 100; }));
  expect_balanced(manager.stats());
  manager.end();
}

// One host to a dedicated core, whose worker never sleeps.
TEST(DedicatedCores, RunOneWorkerThatPolls) {
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &usable)) --last;
  ManagerProcess manager(simple_config({"a"}, "flows = 5\nrate_pps = 1000\nbacklog_packets = 100",
                                       fmt::format("[cores]\ndedicated = [{}]\n", last)));
  const Json request{
      {"module", nf("forward")}, {"service", "a"}, {"count", 1}, {"tier", "process"}, {"cores", "dedicated"}};
  Json two = request;
  two["count"] = 2;
  EXPECT_THAT(manager.refusal("spawn", two), HasSubstr("1 of 1 dedicated cores are free"));
  manager.call("spawn", request);
  EXPECT_THAT(manager.refusal("spawn", request), HasSubstr("0 of 1 dedicated cores are free"));
  EXPECT_THAT(manager.refusal("spawn", {{"module", nf("forward")}, {"service", "a"}, {"cores", "some"}}),
              HasSubstr("there are shared and dedicated"));
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") > 200; }));
  const Json host = manager.hosts().at(0);
  EXPECT_EQ(host["core"], last);
  EXPECT_GT(host["dispatches"], 0);
  EXPECT_EQ(host["sleeps"], 0);
  EXPECT_EQ(manager.figure("kernel_wakes"), 0U);
  EXPECT_EQ(manager.call("stop", {{"all", true}})["stopped"], 1);
  Json fibers = request;  // a tenant's NFs share the core's host
  fibers["tier"] = "fiber";
  fibers["count"] = 3;
  manager.call("spawn", fibers);
  manager.call("spawn", fibers);
  EXPECT_EQ(manager.hosts().size(), 1U);
  EXPECT_EQ(manager.figure("nfs_live"), 6U);
  fibers["tenant"] = "other";
  EXPECT_THAT(manager.refusal("spawn", fibers), HasSubstr("0 of 1 dedicated cores are free"));
  manager.end();
}

TEST_F(Hosts, ByHandWithWrongArguments) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"--attach"}, {"--attach", "--socket", "x"}, {"--nursery", "0", "--socket", "x"}, {"--fly"}}) {
    std::vector<std::string> all{ROOST_BIN_DIR "/roost-host"};
    all.insert(all.end(), words.begin(), words.end());
    const Exit exit = run_to_end(all);
    EXPECT_EQ(exit.status, 2) << exit.said;
    EXPECT_THAT(exit.said, HasSubstr("--attach"));
  }
}

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// A dispatch that goes on, on a core that another NF wants: its thread comes last there, and comes forward again.
#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "core/thread_order.h"
#include "tests/integration/outliving.h"
#include "tests/support/temp_dir.h"

namespace roost::test {
namespace {

size_t threads_that_come_last(pid_t process) {
  std::error_code gone;
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process), gone))
    count += sched_getscheduler(std::stoi(task.path().filename())) == SCHED_IDLE;
  return count;
}

// Those of its worker.
cpu_set_t cpus_of(pid_t process) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process), gone))
    if (const pid_t thread = std::stoi(task.path().filename()); sched_getscheduler(thread) == SCHED_IDLE)
      sched_getaffinity(thread, sizeof cpus, &cpus);
  return cpus;
}

class SetBacks : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_take_last_back()) GTEST_SKIP() << "to take it back from a thread takes CAP_SYS_NICE";
    std::ofstream{file_} << "goes on";
  }
  void populate(ManagerProcess& manager) {
    manager.spawn(module("test_spin"), "long", 1, "process", {{"file", file_}});
    holds_ = manager.live_hosts().front();
    manager.spawn(nf("forward"), "short", 1, "process");
    for (const pid_t pid : manager.live_hosts())
      if (pid != holds_) other_ = pid;
  }
  static std::string config(const std::string& more) {
    std::string text = "[memory]\npackets = 8192\nhugepages = \"never\"\n" + port_null("out");
    for (const char* name : {"long", "short"})
      text += port_generator(fmt::format("in-{}", name), name, "flows = 10\nrate_pps = 2000\nbacklog_packets = 100") +
              chain_of(name, {name}, "out");
    return text + services({"long", "short"}) + more;
  }

  const TempDir folder_;
  const std::string file_ = folder_.path("goes-on");
  pid_t holds_ = 0, other_ = 0;
};

TEST_F(SetBacks, AreOfTheOneThatHoldsTheCoreAndEndWithItsDispatch) {
  ManagerProcess manager(config("[settings]\noverrun_us = 0\n"));
  populate(manager);
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(holds_) == 1; })) << json_text(manager.stats(), 1);
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(other_) == 0; }));
  EXPECT_GT(manager.figure("set_backs"), 0U);
  manager.call("set", {{"name", "set_back"}, {"value", 0}});
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(holds_) == 0; }));
  manager.call("set", {{"name", "set_back"}, {"value", 1}});
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(holds_) == 1; }));
  std::filesystem::remove(file_);
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(holds_) == 0; }));
  manager.call("pause");
  EXPECT_TRUE(eventually([&] { return manager.figure("held") == 0; }));
  manager.end();
}

// Whatever the manager that has died left it as, and though somebody else's process has its core meanwhile.
TEST_F(SetBacks, EndWithTheNextManager) {
  ManagerProcess manager(config(outlive::waits() + "[settings]\noverrun_us = 0\n"));
  populate(manager);
  ASSERT_TRUE(eventually([&] {  // the manager stands still where it is so
    manager.kill_now(SIGSTOP);
    pause_ms(5);
    if (threads_that_come_last(holds_) == 1) return true;
    manager.kill_now(SIGCONT);
    return false;
  }));
  outlive::kill_manager(manager);
  EXPECT_EQ(threads_that_come_last(holds_), 1U);
  const auto core = cpus_of(holds_);
  std::vector<std::thread> others;
  for (int i = 0; i < 16; ++i)
    others.emplace_back([&core] {
      sched_setaffinity(0, sizeof core, &core);
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
      while (std::chrono::steady_clock::now() < until) continue;
    });
  std::filesystem::remove(file_);
  manager.start_again();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(manager.live_hosts().size(), 2U) << manager.log();
  EXPECT_TRUE(eventually([&] { return threads_that_come_last(holds_) == 0; }));
  EXPECT_TRUE(outlive::goes_on(manager));
  manager.end();
}

}  // namespace
}  // namespace roost::test

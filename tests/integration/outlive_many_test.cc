// SPDX-License-Identifier: BSD-3-Clause
// Hundreds of hosts outlive their manager, and managers that are killed while they take them back.
// ROOST_OUTLIVE_NFS says how many hosts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "tests/integration/outliving.h"

namespace roost::test::outlive::many {
namespace {

using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

uint32_t hosts_wanted() {
  const char* const text = std::getenv("ROOST_OUTLIVE_NFS");
  return text != nullptr ? static_cast<uint32_t>(std::strtoul(text, nullptr, 10)) : (kSanitized ? 40 : 300);
}

const std::string kLoad =
    fmt::format("flows = 5000\nrate_pps = {}\nbacklog_packets = 1000\n", kSanitized ? 5'000 : 50'000);

std::string config() { return simple_config({"a", "b"}, kLoad, waits(kSanitized ? 300 : 60)); }

int64_t ms_since(Clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
}

class OutliveMany : public testing::Test {
 protected:
  void SetUp() override {
    manager_.call("pause");  // flows stay with the NFs that they find
    for (const char* service : {"a", "b"}) manager_.spawn(module("test_tally"), service, hosts_ / 2, "process");
    manager_.call("resume");
    pids_ = sorted(manager_.live_hosts());
    ASSERT_EQ(pids_.size(), hosts_);
    ASSERT_TRUE(goes_on(manager_));
  }
  void expect_all_are_there() {
    EXPECT_EQ(sorted(manager_.live_hosts()), pids_) << manager_.log();
    EXPECT_EQ(manager_.figure("nfs_live"), hosts_);
    EXPECT_THAT(manager_.events(), HasSubstr(fmt::format("{} hosts with {} NFs are taken back", hosts_, hosts_)));
  }
  void expect_all_get_packets() {
    EXPECT_TRUE(eventually([&] {
      const Json nfs = manager_.nfs();
      return std::all_of(nfs.begin(), nfs.end(), [](const Json& nf) { return nf.at("packets") > 0; });
    })) << "an NF gets no packets any more";
  }
  // That are some manager's: those that wait have let go of packets.
  size_t taken() const {
    return static_cast<size_t>(
        std::count_if(pids_.begin(), pids_.end(), [](pid_t pid) { return !arenas_of(pid).empty(); }));
  }

  const uint32_t hosts_ = hosts_wanted() / 2 * 2;
  ManagerProcess manager_{config()};
  std::vector<pid_t> pids_;
};

TEST_F(OutliveMany, GoOnWithTheNextManager) {
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    expect_all_get_packets();
    const auto killed = Clock::now();
    kill_manager(manager_);
    const auto gone = ms_since(killed);
    const auto began = Clock::now();
    manager_.start_again();
    ASSERT_TRUE(eventually([&] { return manager_.figure("transmitted") > 0; })) << manager_.log();
    const auto forwards = ms_since(began);
    const std::string events = manager_.events();
    const std::string_view before = "from a manager before this one, in ";
    const size_t at = events.find(before);
    const std::string took = at == std::string::npos ? "?" : events.substr(at + before.size(), 12);
    fmt::print(
        "{} hosts: {} ms until the old manager was gone, {} ms from the new one's start to its first packet; "
        "taken back in {}\n",
        hosts_, gone, forwards, took.substr(0, took.find(';')));
    expect_all_are_there();
    EXPECT_TRUE(goes_on(manager_));
  }
  expect_all_get_packets();
  expect_books_close(manager_);
  EXPECT_EQ(manager_.figure("breaches"), 0U);
  manager_.end();
  for (const pid_t pid : pids_) EXPECT_TRUE(eventually([pid] { return !runs(pid); }));
}

// Again and again: when it has the first of them, some, all.
TEST_F(OutliveMany, OutliveManagersThatDieWhileTheyTakeThemBack) {
  if (geteuid() != 0) GTEST_SKIP() << "hosts' maps are root's to read";
  kill_manager(manager_);
  ASSERT_TRUE(eventually([&] { return taken() == 0; }));
  for (const size_t wanted : {size_t{1}, pids_.size() / 4, pids_.size() / 2, pids_.size()}) {
    SCOPED_TRACE(wanted);
    ASSERT_TRUE(manager_.start_again_until([&] { return taken() >= wanted; })) << manager_.log();
    for (const pid_t pid : pids_) EXPECT_TRUE(runs(pid)) << manager_.log();
    ASSERT_TRUE(eventually([&] { return taken() == 0; }));
  }
  manager_.start_again();
  expect_all_are_there();
  EXPECT_TRUE(goes_on(manager_));
  expect_all_get_packets();
  expect_books_close(manager_);
  manager_.end();
}

}  // namespace
}  // namespace roost::test::outlive::many

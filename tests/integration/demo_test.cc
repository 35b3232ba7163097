// SPDX-License-Identifier: BSD-3-Clause
// `roost demo` with the built programs, in both tiers: the books balance, every NF lives, and nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/protocol.h"
#include "tests/support/run_program.h"

namespace roost {
namespace {

constexpr uint64_t kNfs = 30;

class Demo : public testing::TestWithParam<const char*> {
 protected:
  // The demo's temporary files go here, so that what it leaves behind is seen.
  Demo() { setenv("TMPDIR", scratch_.path(".").c_str(), 1); }
  ~Demo() override { unsetenv("TMPDIR"); }

  bool nothing_left() const { return std::filesystem::is_empty(scratch_.path(".")); }

  test::TempDir scratch_, results_;
};

TEST_P(Demo, BalancesAndReportsEveryFigure) {
  const std::string path = results_.path("figures.json");
  const auto outcome = test::run_program(ROOST_BIN_DIR "/roost", {"demo", "--nfs", std::to_string(kNfs), "--tier",
                                                                  GetParam(), "--seconds", "2", "--json", path});
  ASSERT_EQ(outcome.status, 0) << outcome.out << outcome.error;
  const Json figures = rpc_parse(test::content_of(path));
  EXPECT_EQ(figures["tier"], GetParam());
  EXPECT_EQ(figures["nfs_live"], kNfs);
  EXPECT_EQ(figures["nfs_with_packets"], kNfs);
  EXPECT_EQ(figures["balanced"], true);
  EXPECT_EQ(figures["held"], 0U);
  EXPECT_EQ(figures["label"], "in memory, no NIC");
  EXPECT_NEAR(figures["seconds"].get<double>(), 2.0, 1.0);
  uint64_t dropped = 0;
  for (const auto& [cause, packets] : figures["dropped"].items()) dropped += packets.get<uint64_t>();
  EXPECT_EQ(figures["received"].get<uint64_t>() + figures["created"].get<uint64_t>(),
            figures["transmitted"].get<uint64_t>() + dropped + figures["held"].get<uint64_t>());
  EXPECT_GT(figures["transmitted"].get<uint64_t>(), 0U);
  for (const char* name : {"packets_per_s", "kernel_wakes_per_s", "spawn_ms", "bytes_per_nf"})
    EXPECT_TRUE(figures[name].is_number()) << name;
  for (const char* name : {"p50", "p99", "p999"}) EXPECT_TRUE(figures["latency_us"][name].is_number()) << name;
  EXPECT_LE(figures["latency_us"]["p50"].get<double>(), figures["latency_us"]["p999"].get<double>());
  for (const char* name : {"cpu", "cores", "kernel", "hugepages"})
    EXPECT_TRUE(figures["machine"].contains(name)) << name;
  EXPECT_TRUE(nothing_left());
}

TEST_P(Demo, EndsCleanlyWhenInterrupted) {
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execl(ROOST_BIN_DIR "/roost", "roost", "demo", "--nfs", "30", "--seconds", "600", "--tier", GetParam(), nullptr);
    _exit(127);
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(nothing_left());
}

TEST_P(Demo, TakesFewerNfsThanServices) {
  const auto outcome = test::run_program(
      ROOST_BIN_DIR "/roost", {"demo", "--nfs", "1", "--seconds", "0.5", "--tier", GetParam(), "--json", "-"});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(rpc_parse(outcome.out)["nfs_with_packets"], 1U);
}

INSTANTIATE_TEST_SUITE_P(Tiers, Demo, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

TEST(DemoInput, IsCheckedBeforeAnythingStarts) {
  const auto capture = test::run_program(ROOST_BIN_DIR "/roost", {"demo", "--pcap", "/no/such.pcap"});
  EXPECT_EQ(capture.status, 1);
  EXPECT_THAT(capture.error, testing::HasSubstr("/no/such.pcap"));
  const auto json = test::run_program(ROOST_BIN_DIR "/roost", {"demo", "--json", "/no/such/folder/f.json"});
  EXPECT_EQ(json.status, 1);
  EXPECT_THAT(json.error, testing::HasSubstr("/no/such/folder/f.json"));
}

}  // namespace
}  // namespace roost

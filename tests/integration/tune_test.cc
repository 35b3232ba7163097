// SPDX-License-Identifier: BSD-3-Clause
// `roost tune --pcap` with the built programs: it finds a choice under a replayed capture, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/protocol.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/run_program.h"

namespace roost {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = R"(
[[ports]]
name = "wan"
kind = "af_packet"
interface = "no-such-interface"
chain = "web"

[[ports]]
name = "lan"
kind = "null"

[[services]]
name = "count"

[[chains]]
name = "web"
services = ["count"]
out = "lan"
)";

class ReplayedTune : public testing::Test {
 protected:
  ReplayedTune() {
    setenv("TMPDIR", scratch_.path(".").c_str(), 1);
    test::CaptureBytes capture;
    for (uint32_t i = 0; i < 2'000; ++i) capture.frame(64 + i % 1'000, uint64_t{i} * 500);
    std::ofstream(pcap()) << capture.bytes();
    std::ofstream(files_.path("my.toml")) << kConfig;
  }
  ~ReplayedTune() override { unsetenv("TMPDIR"); }

  std::string pcap() const { return files_.path("a.pcap"); }
  bool nothing_left() const { return std::filesystem::is_empty(scratch_.path(".")); }
  static test::Outcome tune(std::vector<std::string> more, const char* goal_us = "5000") {
    std::vector<std::string> arguments{"tune", "--p99-us", goal_us, "--trial", "0.05", "--seconds", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program(ROOST_BIN_DIR "/roost", arguments);
  }

  test::TempDir scratch_, files_;
};

TEST_F(ReplayedTune, FindsAChoiceForACaptureAtAnotherPace) {
  const auto outcome = tune({"--pcap", pcap(), "--speed", "3", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.out << outcome.error;
  const Json said = rpc_parse(outcome.out);
  EXPECT_GT(said["tried"].size(), 3U);
  EXPECT_GT(said["choice"]["p99_us"].get<double>(), 0);
  EXPECT_FALSE(said["applied"].get<bool>());
  EXPECT_TRUE(nothing_left());
}

TEST_F(ReplayedTune, TakesTheChainsOfAConfigurationAndTheNfsOfACommand) {
  const std::string seen = files_.path("seen");
  const auto outcome =
      tune({"--pcap", pcap(), "--config", files_.path("my.toml"), "--setup",
            "roost spawn counter --service count --count 3 --tier process && roost port list > " + seen});
  ASSERT_EQ(outcome.status, 0) << outcome.out << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("The choice: "));
  EXPECT_THAT(outcome.out, HasSubstr("The manager that replayed the capture has ended"));
  EXPECT_THAT(test::content_of(seen), HasSubstr("pcap"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(ReplayedTune, SaysWhatIsWrongAndLeavesNothingBehind) {
  EXPECT_THAT(tune({"--pcap", files_.path("none.pcap")}).error, HasSubstr("none.pcap"));
  EXPECT_THAT(tune({"--pcap", pcap(), "--setup", "exit 7"}).error, HasSubstr("status 7"));
  EXPECT_THAT(tune({"--pcap", pcap(), "--setup", "true"}).error, HasSubstr("there is no NF after it"));
  EXPECT_THAT(tune({"--pcap", pcap(), "--config", files_.path("my.toml"), "--port", "dmz", "--setup", "true"}).error,
              HasSubstr("there is no port 'dmz'"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(ReplayedTune, InterruptedItLeavesNothingBehind) {
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execl(ROOST_BIN_DIR "/roost", "roost", "tune", "--p99-us", "40", "--seconds", "600", "--pcap", pcap().c_str(),
          nullptr);
    _exit(127);
  }
  for (int i = 0; i < 3'000 && nothing_left(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_FALSE(nothing_left());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(nothing_left());
}

}  // namespace
}  // namespace roost

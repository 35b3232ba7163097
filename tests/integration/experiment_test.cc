// SPDX-License-Identifier: BSD-3-Clause
// roost-experiment with the built programs: its results have the right form and balance; interrupted, it leaves nothing
// behind. What its figures are is no test's business.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "core/protocol.h"
#include "tests/support/run_program.h"

namespace roost {
namespace {

using testing::HasSubstr;

constexpr const char* kProgram = ROOST_BIN_DIR "/roost-experiment";
constexpr auto kPatience = std::chrono::seconds(120);

class Experiments : public testing::Test {
 protected:
  Experiments() {
    if (!std::filesystem::exists(kProgram)) return;
    setenv("TMPDIR", scratch_.path(".").c_str(), 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // whatever it leaves running becomes our child
  }
  ~Experiments() override {
    unsetenv("TMPDIR");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
  }
  void SetUp() override {
    if (!std::filesystem::exists(kProgram)) GTEST_SKIP() << "built only with ROOST_BENCH";
  }

  static std::vector<std::string> small(const std::string& experiment, std::vector<std::string> more,
                                        const std::string& slice_s = "0.05") {
    std::vector<std::string> arguments{experiment, "--lives", "1",         "--pairs", "1",
                                       "--slice",  slice_s,   "--warm-up", "0.05"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  test::Outcome check() const { return test::run_program(kProgram, {"check", results()}); }
  std::string results() const { return results_.path("here"); }
  Json result() const { return rpc_parse(test::content_of(results() + "/result.json")); }

  bool no_file_left() const { return std::filesystem::is_empty(scratch_.path(".")); }
  // What was killed with its process group ends a moment later.
  static bool no_process_left() {
    for (const auto until = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < until;) {
      const pid_t ended = waitpid(-1, nullptr, WNOHANG);
      if (ended < 0) return errno == ECHILD;
      if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  test::TempDir scratch_, results_;
};

struct SmallRow {
  const char* experiment;
  std::vector<std::string> only;
};

class EachExperiment : public Experiments, public testing::WithParamInterface<SmallRow> {};

TEST_P(EachExperiment, GivesASoundResult) {
  std::vector<std::string> more{"--out", results()};
  for (const std::string& each : GetParam().only) more.insert(more.end(), {"--only", each});
  const auto outcome = test::run_program(kProgram, small(GetParam().experiment, more));
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.error;
  EXPECT_EQ(check().status, 0) << check().out;
  EXPECT_EQ(result()["state"], "complete");
  EXPECT_EQ(result()["rows"].size(), 1U);
  EXPECT_FALSE(result()["rows"][0]["lives"][0]["books"].empty());
  EXPECT_TRUE(no_file_left());
  EXPECT_TRUE(no_process_left());
}

const SmallRow kRows[] = {
    {"density", {"nfs=100", "tier=process"}},
    {"baselines", {"baseline=semaphore_sweep", "tier=process"}},
    {"wake_thresholds", {"wake_packets=64", "wake_deadline_us=50", "spin_us=0", "load_percent=10"}},
    {"controller", {"load_percent=10"}},
    {"tuner", {"load_percent=10"}},
    {"latency", {"worker=asleep"}},
    {"chain", {"tier=fiber", "backpressure=1"}},
    {"fairness", {"tier=fiber", "shares=even"}},
    {"noisy_neighbour", {"tier=process"}},
    {"churn", {"how=kill"}},
    {"idle", {"nfs=1"}}};
INSTANTIATE_TEST_SUITE_P(All, EachExperiment, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.experiment); });

TEST_F(Experiments, OneStartServesManyRowsOfTheMatrix) {
  const auto outcome = test::run_program(
      kProgram, small("density", {"--scale", "matrix", "--only", "nfs=100", "--only", "hops=1", "--only",
                                  "cost_cycles=50", "--only", "tier=fiber", "--out", results()}));
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("1 starts to be run"));
  EXPECT_EQ(check().status, 0) << check().out;
  const Json rows = result()["rows"];
  ASSERT_EQ(rows.size(), 12U);  // three shares of four kinds of traffic; a capture is not given
  double active_least = 1, active_most = 0;
  for (const Json& row : rows) {
    const double active = row["figures"]["nfs_active_share"]["median"];
    active_least = std::min(active_least, active);
    active_most = std::max(active_most, active);
    EXPECT_EQ(row["figures"].contains("pdr_pps"),
              row["parameters"]["active_percent"] == 100 && row["parameters"]["traffic"] == "uniform");
  }
  EXPECT_LT(active_least, 0.05);
  EXPECT_GT(active_most, 0.9);
  EXPECT_TRUE(no_file_left());
  EXPECT_TRUE(no_process_left());
}

TEST_F(Experiments, InterruptedItLeavesNothingBehind) {
  const auto arguments = small("idle", {"--only", "nfs=1", "--out", results()}, "5");
  const pid_t child = fork();
  if (child == 0) {
    std::vector<char*> words{const_cast<char*>(kProgram)};
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    if (freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execv(kProgram, words.data());
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (no_file_left() && std::chrono::steady_clock::now() < until)  // its manager's folder
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_FALSE(no_file_left());
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_TRUE(no_file_left());
  EXPECT_TRUE(no_process_left());
  EXPECT_EQ(result()["state"], "interrupted");
  EXPECT_EQ(check().status, 0) << check().out;
}

TEST_F(Experiments, RefusesWhatItCannotDo) {
  const auto refused = [&](std::vector<std::string> more) {
    return test::run_program(kProgram, small("density", std::move(more))).error;
  };
  EXPECT_THAT(refused({"--only", "nfs=7", "--out", results()}), HasSubstr("no row is like --only says"));
  EXPECT_THAT(refused({"--scale", "full", "--only", "traffic=capture", "--out", results()}),
              HasSubstr("no capture is given"));
  EXPECT_FALSE(std::filesystem::exists(results()));
  std::filesystem::create_directory(results());
  EXPECT_THAT(refused({"--out", results()}), HasSubstr("not overwritten"));
  EXPECT_THAT(refused({"--resume", results()}), HasSubstr("no such result"));
}

}  // namespace
}  // namespace roost

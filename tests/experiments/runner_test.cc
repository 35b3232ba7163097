// SPDX-License-Identifier: BSD-3-Clause
// The frame around an experiment, with experiments that measure nothing.
#include "experiments/lab/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "experiments/lab/results.h"
#include "experiments/lab/schema.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"

namespace roost::experiment {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Json balanced_books() { return {{"received", 7}, {"created", 2}, {"transmitted", 6}, {"dropped", 2}, {"held", 1}}; }

class Runner : public testing::Test {
 protected:
  Runner() {
    experiment_.name = "nothing";
    experiment_.question = "does the frame hold?";
    experiment_.rows = [](Scale) { return std::vector<Json>{{{"nfs", 1}}, {{"nfs", 2}}, {{"nfs", 3}}}; };
    experiment_.problem = [](const Json& row, const MachineLimits&, const TrialOptions&) {
      return std::string(row["nfs"] == 3 ? "three are too many" : "");
    };
    experiment_.measure = [this](const Json& row, const TrialOptions& trial, Life& life) {
      std::ofstream(folder_.path("measured"), std::ios::app) << row_name(row) << "\n";
      for (int i = 0; i < trial.pairs; ++i) life.add_pair("direct_call", 10.0 + i, 20);
      life.add_books(balanced_books());
    };
    options_.folder = folder_.path("result");
    options_.lives = 2;
    options_.trial.pairs = 3;
    setenv("COLUMNS", "80", 1);
  }

  std::string measured() const { return test::content_of(folder_.path("measured")); }
  Json result() const { return read_result(options_.folder); }

  test::TempDir folder_;
  Experiment experiment_;
  RunOptions options_;
};

TEST_F(Runner, MeasuresEachLifeOfEachRowAndWritesAResultOfTheRightForm) {
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  EXPECT_EQ(measured(), "nfs=1\nnfs=2\nnfs=1\nnfs=2\n");  // lives outside
  const Json json = result();
  EXPECT_THAT(result_faults(json), IsEmpty());
  EXPECT_EQ(json["rows"][1]["figures"]["throughput_pps"]["median"], 11.0);
  EXPECT_EQ(json["rows"][1]["figures"]["times_direct_call"]["most"], 0.6);
  EXPECT_NE(json["rows"][1]["lives"][0]["seed"], json["rows"][1]["lives"][1]["seed"]);
  EXPECT_EQ(json["left_out"][0]["why"], "three are too many");
  EXPECT_EQ(json["limits"].size(), 2U);
  EXPECT_THAT(test::content_of(options_.folder + "/rows.csv"),
              HasSubstr("nfs,lives,direct_call_pps_median,direct_call_pps_least,direct_call_pps_most,"));
}

TEST_F(Runner, ResultsAreNeverOverwritten) {
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  const std::string before = test::content_of(options_.folder + "/result.json");
  try {
    run_experiment(experiment_, options_);
    FAIL() << "overwrote its results";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("are there already and are not overwritten"));
  }
  EXPECT_EQ(test::content_of(options_.folder + "/result.json"), before);
}

TEST_F(Runner, BooksThatDoNotBalanceMakeItNoResult) {
  Json json;
  {
    EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
    json = result();
  }
  json["rows"][0]["lives"][0]["books"]["held"] = 5;
  EXPECT_THAT(result_faults(json), testing::ElementsAre(HasSubstr("the books don't balance")));
}

TEST_F(Runner, ARowThatFailsFailsTheRunAndIsTriedAgain) {
  const auto measure = experiment_.measure;
  experiment_.measure = [&](const Json& row, const TrialOptions& trial, Life& life) {
    if (row["nfs"] == 2) fail("the books don't balance");
    measure(row, trial, life);
  };
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::failed);
  EXPECT_EQ(result()["failures"].size(), 2U);
  EXPECT_EQ(result()["rows"].size(), 1U);
  EXPECT_THAT(result_faults(result()), IsEmpty());
  experiment_.measure = measure;
  options_.resume = options_.folder;
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  EXPECT_EQ(measured(), "nfs=1\nnfs=1\nnfs=2\nnfs=2\n");
}

TEST_F(Runner, ALifeThatCrashesFailsTheRun) {
  experiment_.measure = [](const Json&, const TrialOptions&, Life&) { raise(SIGKILL); };
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::failed);
  EXPECT_THAT(result()["failures"][0]["why"].get<std::string>(), HasSubstr("signal 9"));
}

TEST_F(Runner, InterruptedItLeavesNothingBehindAndGoesOnWhereItWas) {
  const auto measure = experiment_.measure;
  experiment_.measure = [&](const Json& row, const TrialOptions& trial, Life& life) {
    if (row["nfs"] == 2) {
      if (fork() == 0) {  // someone whom the life leaves behind
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
      }
      kill(getppid(), SIGINT);
      for (;;) {
        life.check();
        usleep(1'000);
      }
    }
    measure(row, trial, life);
  };
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::interrupted);
  EXPECT_EQ(result()["state"], "interrupted");
  EXPECT_THAT(result_faults(result()), IsEmpty());
  EXPECT_EQ(measured(), "nfs=1\n");
  experiment_.measure = measure;
  options_.resume = options_.folder;
  options_.lives = 9;  // its own count, not this
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  EXPECT_EQ(measured(), "nfs=1\nnfs=2\nnfs=1\nnfs=2\n");
  EXPECT_EQ(result()["state"], "complete");
}

// Rows of the same parity share a start.
SharedStarts shared_by_parity(const std::string& log) {
  return {[](const Json& row) { return row["nfs"].get<int>() % 2 == 0 ? "even" : "odd"; },
          [log](const std::vector<Json>& rows, const TrialOptions&, std::vector<Life>& lives) {
            std::ofstream(log, std::ios::app) << rows.size() << " rows\n";
            for (size_t i = 0; i < rows.size(); ++i) {
              if (rows[i]["nfs"] == 5) fail("five is too many");
              lives[i].add_pair("direct_call", rows[i]["nfs"].get<double>(), 20);
              lives[i].add_books(balanced_books());
            }
          }};
}

TEST_F(Runner, InTheScaleMatrixOneStartServesManyRows) {
  experiment_.rows = [](Scale) { return std::vector<Json>{{{"nfs", 1}}, {{"nfs", 2}}, {{"nfs", 4}}, {{"nfs", 7}}}; };
  experiment_.shared = shared_by_parity(folder_.path("measured"));
  options_.scale = Scale::matrix;
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  EXPECT_EQ(measured(), "2 rows\n2 rows\n2 rows\n2 rows\n");  // two starts, two lives
  const Json json = result();
  EXPECT_THAT(result_faults(json), IsEmpty());
  EXPECT_EQ(json["scale"], "matrix");
  ASSERT_EQ(json["rows"].size(), 4U);
  for (const Json& row : json["rows"]) {
    EXPECT_EQ(row["lives"].size(), 2U);
    EXPECT_EQ(row["figures"]["throughput_pps"]["median"], row["parameters"]["nfs"].get<double>());
  }
}

TEST_F(Runner, AStartThatFailsFailsItsRowsAndNoOthersAndIsTriedAgain) {
  experiment_.rows = [](Scale) { return std::vector<Json>{{{"nfs", 1}}, {{"nfs", 5}}, {{"nfs", 2}}}; };
  experiment_.shared = shared_by_parity(folder_.path("measured"));
  options_.scale = Scale::matrix;
  options_.lives = 1;
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::failed);
  EXPECT_EQ(result()["failures"].size(), 2U);
  EXPECT_EQ(result()["rows"].size(), 1U);
  experiment_.rows = [](Scale) { return std::vector<Json>{{{"nfs", 1}}, {{"nfs", 2}}}; };
  options_.resume = options_.folder;
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  EXPECT_EQ(measured(), "2 rows\n1 rows\n1 rows\n");
}

TEST_F(Runner, RefusesToGoOnWithAnotherExperimentOrOnAnotherMachine) {
  EXPECT_EQ(run_experiment(experiment_, options_), RunState::complete);
  options_.resume = options_.folder;
  experiment_.name = "something";
  EXPECT_THROW(run_experiment(experiment_, options_), Error);
  experiment_.name = "nothing";
  Json json = result();
  json["machine"]["cpu"] = "another";
  std::ofstream(options_.folder + "/result.json") << json_text(json);
  EXPECT_THROW(run_experiment(experiment_, options_), Error);
}

TEST_F(Runner, WhereNothingCanBeMeasuredItSaysWhyAndLeavesNoFolder) {
  options_.only = {"nfs=3"};
  try {
    run_experiment(experiment_, options_);
    FAIL() << "measured it";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("three are too many"));
  }
  EXPECT_FALSE(std::filesystem::exists(options_.folder));
}

TEST_F(Runner, TheSummaryIsOfAllRows) {
  experiment_.summary = [](const Json& rows) { return Json{{"rows", rows.size()}}; };
  run_experiment(experiment_, options_);
  EXPECT_EQ(result()["summary"]["rows"], 2U);
}

TEST(RowName, IsOneTextForTheSameParameters) {
  EXPECT_EQ(row_name({{"tier", "fiber"}, {"nfs", 100}}), "nfs=100,tier=fiber");
  EXPECT_TRUE(matches({{"tier", "fiber"}, {"nfs", 100}}, {"nfs=100", "tier=fiber"}));
  EXPECT_FALSE(matches({{"nfs", 100}}, {"tier=fiber"}));
  EXPECT_THROW(matches({{"nfs", 100}}, {"nfs"}), Error);
}

}  // namespace
}  // namespace roost::experiment

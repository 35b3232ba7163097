// SPDX-License-Identifier: BSD-3-Clause
#include "cli/program.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace roost::cli {
namespace {

struct Ended {
  int status;
  std::string error;
};

Ended run(std::vector<std::string> words, const std::function<int()>& action) {
  Command program("p", "a program");
  std::string name;
  program.option("--name", name, "of something");
  program.runs(action);
  words.insert(words.begin(), "p");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  testing::internal::CaptureStderr();
  const int status = run_program(program, "p", static_cast<int>(words.size()), arguments.data());
  return {status, testing::internal::GetCapturedStderr()};
}

TEST(Program, EndsWithWhatItsCommandReturns) {
  const Ended ended = run({"--name", "x"}, [] { return 7; });
  EXPECT_EQ(ended.status, 7);
  EXPECT_EQ(ended.error, "");
}

TEST(Program, SaysWhatWentWrongInOneLine) {
  const Ended failed = run({}, []() -> int { fail("no luck"); });
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.error, "p: no luck\n");
  const Ended wrong = run({"--nmae", "x"}, [] { return 0; });
  EXPECT_EQ(wrong.status, 2);
  EXPECT_TRUE(wrong.error.starts_with("p: ")) << wrong.error;
}

}  // namespace
}  // namespace roost::cli

// SPDX-License-Identifier: BSD-3-Clause
// Thread-sanitized builds: a race in a process that a test starts (a host, a manager) fails that test. What those print
// is often read by the test, or by nobody; so their reports go to files, which are looked at after each test.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"

namespace roost::test {
namespace {

class ChildReports final : public testing::EmptyTestEventListener {
 public:
  // For processes that are started from here on; this one has read its options already.
  ChildReports() {
    const char* const options = std::getenv("TSAN_OPTIONS");
    setenv("TSAN_OPTIONS",
           fmt::format("{}:log_path={}", options == nullptr ? "" : options, folder_.path("report")).c_str(), 1);
  }
  void OnTestEnd(const testing::TestInfo&) override {
    for (const auto& report : std::filesystem::directory_iterator(folder_.path(""))) {
      ADD_FAILURE() << "of a process that this test started:\n" << content_of(report.path());
      std::filesystem::remove(report.path());
    }
  }

 private:
  const TempDir folder_;
};

[[maybe_unused]] const bool listens = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new ChildReports);
  return true;
}();

}  // namespace
}  // namespace roost::test

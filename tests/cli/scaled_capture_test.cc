// SPDX-License-Identifier: BSD-3-Clause
#include "cli/scaled_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/capture.h"
#include "core/error.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/temp_dir.h"

namespace roost::cli {
namespace {

TEST(ScaledCapture, HasTheSameFramesAtOtherTimes) {
  const test::TempDir folder;
  const std::string from = folder.path("a.pcap"), to = folder.path("b.pcap");
  std::ofstream(from)
      << test::CaptureBytes().frame(64, 1'000'000, 'a').frame(9'000, 1'000'300, 'b').frame(60, 3'000'000).bytes();
  for (const double speed : {0.5, 3.0}) {
    write_scaled(from, to, speed);
    const Capture was = Capture::load(from), now = Capture::load(to);
    ASSERT_EQ(now.frames().size(), was.frames().size());
    for (size_t i = 0; i < was.frames().size(); ++i) {
      ASSERT_EQ(now.frames()[i].length, was.frames()[i].length);
      EXPECT_TRUE(std::equal(was.data(was.frames()[i]), was.data(was.frames()[i]) + was.frames()[i].length,
                             now.data(now.frames()[i])));
      EXPECT_NEAR(static_cast<double>(now.frames()[i].time_ns), static_cast<double>(was.frames()[i].time_ns) / speed,
                  1);
    }
  }
}

TEST(ScaledCapture, SaysWhatCannotBeReadOrWritten) {
  const test::TempDir folder;
  EXPECT_THROW(write_scaled(folder.path("none.pcap"), folder.path("b.pcap"), 2), Error);
  std::ofstream(folder.path("a.pcap")) << test::CaptureBytes().frame(64).bytes();
  EXPECT_THROW(write_scaled(folder.path("a.pcap"), folder.path("no/such/b.pcap"), 2), Error);
}

}  // namespace
}  // namespace roost::cli

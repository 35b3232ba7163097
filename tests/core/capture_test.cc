// SPDX-License-Identifier: BSD-3-Clause
#include "core/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/temp_dir.h"

namespace roost {
namespace {

using test::CaptureBytes;
using testing::HasSubstr;

class CaptureTest : public testing::Test {
 protected:
  std::string error_of(const std::string& path) {
    try {
      Capture::load(path);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path));
      return error.what();
    }
    ADD_FAILURE() << path << " was accepted";
    return "";
  }
  std::string error_of_bytes(const std::string& bytes) { return error_of(dir_.file("in.pcap", bytes)); }

  test::TempDir dir_;
};

TEST_F(CaptureTest, LoadsFramesAndTimes) {
  const auto path = dir_.file("in.pcap", CaptureBytes().frame(60, 5'000'000, 'a').frame(1514, 5'000'250, 'b').bytes());
  const Capture capture = Capture::load(path);
  ASSERT_EQ(capture.frames().size(), 2U);
  EXPECT_EQ(capture.frames()[0].length, 60U);
  EXPECT_EQ(capture.frames()[0].time_ns, 0U);
  EXPECT_EQ(capture.frames()[1].length, 1514U);
  EXPECT_EQ(capture.frames()[1].time_ns, 250'000U);
  EXPECT_EQ(capture.duration_ns(), 250'000U);
  EXPECT_EQ(capture.data(capture.frames()[0])[59], 'a');
  EXPECT_EQ(capture.data(capture.frames()[1])[0], 'b');
}

TEST_F(CaptureTest, TimesNeverFall) {
  const auto path = dir_.file("in.pcap", CaptureBytes().frame(60, 900).frame(60, 100).frame(60, 950).bytes());
  const Capture capture = Capture::load(path);
  EXPECT_EQ(capture.frames()[1].time_ns, 0U);
  EXPECT_EQ(capture.frames()[2].time_ns, 50'000U);
}

TEST_F(CaptureTest, KeepsRuntsAndEmptyFramesForThePortToCount) {
  const auto path = dir_.file("in.pcap", CaptureBytes().frame(0).frame(13).frame(60).bytes());
  EXPECT_EQ(Capture::load(path).frames().size(), 3U);
}

TEST_F(CaptureTest, RefusesWhatIsMissingOrNoFile) {
  EXPECT_THAT(error_of(dir_.path("none.pcap")), HasSubstr("No such file"));
  EXPECT_THAT(error_of(dir_.path(".")), HasSubstr("directory"));
}

TEST_F(CaptureTest, RefusesEmptyAndForeignFiles) {
  EXPECT_THAT(error_of_bytes(""), HasSubstr("empty"));
  EXPECT_THAT(error_of_bytes(std::string(100, 'z')), HasSubstr("isn't a pcap file"));
  EXPECT_THAT(error_of_bytes(std::string("\x0a\x0d\x0d\x0a") + std::string(60, '\0')), HasSubstr("pcapng"));
  EXPECT_THAT(error_of_bytes(CaptureBytes().bytes()), HasSubstr("no packets"));
  EXPECT_THAT(error_of_bytes(CaptureBytes(101).frame(60).bytes()), HasSubstr("link type RAW"));
}

TEST_F(CaptureTest, RefusesEveryTruncation) {
  const std::string whole = CaptureBytes().frame(60).bytes();
  for (size_t length = 1; length < whole.size(); ++length) {
    if (length == 24) continue;  // a file header alone: no packets
    EXPECT_THAT(error_of_bytes(whole.substr(0, length)), HasSubstr("truncated")) << length;
  }
}

TEST_F(CaptureTest, RefusesAbsurdRecordLengths) {
  std::string bytes = CaptureBytes().frame(60).frame(60).bytes();
  const size_t second_length = 24 + 16 + 60 + 8;
  bytes.replace(second_length, 4, "\xff\xff\xff\x7f", 4);
  EXPECT_THAT(error_of_bytes(bytes), HasSubstr("damaged after 1 packets"));
}

}  // namespace
}  // namespace roost

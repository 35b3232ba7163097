// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/crash_report.h"

#include <gtest/gtest.h>

#include <csignal>
#include <random>

#include "core/shared_memory.h"

namespace roost {
namespace {

constexpr int kExited = 0, kSegfault = SIGSEGV, kKilled = SIGKILL;  // as waitpid() says it
using Places = std::vector<uint32_t>;

class CrashReportTest : public testing::Test {
 protected:
  CrashReportTest() { worker().report.current_nf = UINT32_MAX; }
  WorkerRecord& worker() { return region_.worker(); }
  void note(uint32_t signal, uint32_t nf) {
    worker().crash.nf = nf;
    worker().crash.address = 0x10;
    worker().crash.signal = signal;
  }
  CrashReport report() { return read_crash_report(region_); }

  const HostLayout layout_{.nfs_max = 50};
  SharedMemory memory_ = SharedMemory::create({.name = "region", .bytes = layout_.bytes()});
  HostRegion region_{memory_.data(), layout_};
};

TEST_F(CrashReportTest, OfAHostThatNeverDidAnythingIsEmpty) {
  worker().report.current_nf = UINT32_MAX;
  const CrashReport empty = report();
  EXPECT_EQ(empty.signal, 0U);
  EXPECT_EQ(empty.current, std::nullopt);
  EXPECT_EQ(empty.last_turns, Places{});
  EXPECT_EQ(blamed_place(empty, kSegfault), std::nullopt);
}

TEST_F(CrashReportTest, WhoseDoingItWas) {
  worker().report.current_nf = 7;
  EXPECT_EQ(blamed_place(report(), kSegfault), 7U) << "nothing was caught; the worker was at that one";
  EXPECT_EQ(blamed_place(report(), kExited), 7U);
  EXPECT_EQ(blamed_place(report(), kKilled), std::nullopt) << "from outside";
  EXPECT_EQ(blamed_place(report(), -1), std::nullopt);
  note(SIGSEGV, 9);
  EXPECT_EQ(report().address, 0x10U);
  EXPECT_EQ(blamed_place(report(), kSegfault), 9U) << "an NF that has lost the worker";
  EXPECT_EQ(blamed_place(report(), -1), 9U);
  note(SIGSEGV, UINT32_MAX);
  EXPECT_EQ(blamed_place(report(), kSegfault), std::nullopt) << "a thread that is no worker's, or a signal sent";
}

TEST_F(CrashReportTest, LastTurnsGoBackOverTheEndOfTheLog) {
  BatchLog& log = worker().batch;
  for (uint32_t i = 0; i < BatchLog::kKept; ++i) log.nfs[i] = i % 50;
  log.next = 3;
  log.end = 5;  // two are to come
  EXPECT_EQ(report().last_turns, (Places{0, 1, 2}));
  log.wrapped = 60;
  EXPECT_EQ(report().last_turns, (Places{47, 48, 49, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2}));
  log.wrapped = 7;
  EXPECT_EQ(report().last_turns, (Places{5, 6, 0, 1, 2})) << "not those that were written over";
}

TEST_F(CrashReportTest, NothingThatTheHostWroteIsBelieved) {
  std::mt19937 random(1);
  auto* const words = reinterpret_cast<uint32_t*>(&worker().crash);
  constexpr size_t kWords = (sizeof(CrashNote) + sizeof(BatchLog)) / sizeof(uint32_t);
  for (int round = 0; round < 10'000; ++round) {
    const uint32_t mask = random() % 2 == 0 ? UINT32_MAX : 0x7f;
    for (size_t i = 0; i < kWords; ++i) words[i] = static_cast<uint32_t>(random()) & mask;
    worker().report.current_nf = static_cast<uint32_t>(random()) & mask;
    const CrashReport all = report();
    ASSERT_LE(all.last_turns.size(), CrashReport::kTurnsTold);
    for (const uint32_t place : all.last_turns) ASSERT_LT(place, layout_.nfs_max);
    ASSERT_LT(all.current.value_or(0), layout_.nfs_max);
    ASSERT_LT(all.at_fault.value_or(0), layout_.nfs_max);
    ASSERT_LT(all.signal, 32U);
  }
}

}  // namespace
}  // namespace roost

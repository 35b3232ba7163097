// SPDX-License-Identifier: BSD-3-Clause
// Timers, messages and packets freed by a destructor in a real roost-host: what it does, and when it asks the manager
// to have its worker woken.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/nf_message.h"
#include "tests/nflib/fake_manager.h"

namespace roost::test {
namespace {

using testing::HasSubstr;

class HostEvents : public testing::Test {
 protected:
  HostEvents() {
    pid_ = run_program({ROOST_BIN_DIR "/roost-host", "--attach", "--socket", manager_.socket(), "--token", "secret",
                        "--seccomp-allow", "openat"});  // its NFs write down what becomes of them
    manager_.accept_host();
    const FileDescriptor module(open(ROOST_TEST_MODULE_DIR "/test_alarm.so", O_RDONLY | O_CLOEXEC));
    manager_.ask("load", {{"module", 1}, {"path", "alarm.so"}}, {module.get()});
  }
  ~HostEvents() override { kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0); }

  Json start(uint32_t first, uint32_t count, Json config = Json::object()) {
    config["log"] = log_;
    return manager_.ask("start", manager_.start_parameters(first, count, config));
  }
  Json tell(uint32_t id, const std::string& text, uint32_t count = 1) {
    return manager_.ask("tell", {{"first_id", id}, {"count", count}, {"text", text}});
  }
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }
  // Plays the loop: parks the worker, and wakes it where somebody asked for it or its deadline is there.
  bool said_in_time(const std::string& part, bool wake) {
    WorkerRecord& worker = manager_.region().worker();
    const auto until = std::chrono::steady_clock::now() + 10s;
    bool parked = false;
    while (said().find(part) == std::string::npos) {
      if (std::chrono::steady_clock::now() > until) return false;
      parked |= worker.bell.park();
      if (parked && (wake || worker.report.deadline_tsc.load() <= tsc_now())) {
        parked = wake = false;
        if (worker.bell.release()) worker.bell.unblock(WaitMode::futex);
      }
      std::this_thread::sleep_for(1ms);
    }
    if (parked && worker.bell.release()) worker.bell.unblock(WaitMode::futex);
    return true;
  }

  const TempDir folder_;
  const std::string log_ = folder_.path("log");
  FakeManager manager_;
  pid_t pid_ = -1;
};

TEST_F(HostEvents, TimersSetInStartWantTheWorkerUpOnceAndThenItsDeadlineDoes) {
  EXPECT_EQ(start(0, 1), Json::object());
  EXPECT_EQ(start(1, 1, {{"every_ms", 2}}), Json({{"wake", true}}));
  EXPECT_TRUE(said_in_time("tttt", true));
}

TEST_F(HostEvents, TimersThatWereHeldWantTheWorkerUp) {
  Json parameters = manager_.start_parameters(0, 1, {{"every_ms", 2}, {"log", log_}});
  parameters["quarantined"] = {0};
  manager_.ask("start", parameters);
  EXPECT_EQ(manager_.ask("resume", {{"nf", 0}}), Json({{"wake", true}}));
  EXPECT_TRUE(said_in_time("tttt", true));
}

TEST_F(HostEvents, MessagesReachTheNfThatIsNamed) {
  start(0, 4);
  EXPECT_EQ(tell(102, "hello"), Json({{"told", 1}, {"wake", true}}));
  EXPECT_TRUE(said_in_time("hello", true));
  EXPECT_EQ(tell(101, "all", 3)["told"], 3);
  EXPECT_TRUE(said_in_time("allallall", true));
  EXPECT_EQ(tell(102, "here", 10)["told"], 2);  // the others are nobody's numbers
  EXPECT_EQ(tell(7, "nobody")["told"], 0);
  EXPECT_TRUE(said_in_time("herehere", true));
  EXPECT_THAT(manager_.why_not("tell", {{"first_id", 1}, {"count", 1}}), HasSubstr("'text' is missing"));
}

TEST_F(HostEvents, NfsOfAHostPostToEachOther) {
  start(0, 2);
  tell(100, "pass 101 well");
  EXPECT_TRUE(said_in_time(" well", true));
  tell(100, "pass 55 nobody");
  EXPECT_TRUE(said_in_time("refused", true));
}

TEST_F(HostEvents, AFullQueueRefusesAndLaterTakesAgain) {
  start(0, 1);
  // A stopped process takes no turn; what its control thread has taken in is counted by the worker alone.
  uint32_t told = 0;
  manager_.region().nf(0).state = kNfSuspended;  // cannot be called, as one that waits in the middle of its work
  for (size_t i = 0; i < kMessagesMax + 10; ++i) told += tell(100, "m")["told"].get<uint32_t>();
  EXPECT_EQ(told, kMessagesMax);
  EXPECT_EQ(tell(100, std::string(kMessageBytesMax + 1, 'x'))["told"], 0);
}

TEST_F(HostEvents, AStoppedNfHearsNothingMore) {
  start(0, 2, {{"every_ms", 1}});
  EXPECT_TRUE(said_in_time("tt", true));
  manager_.ask("stop", {{"first", 0}, {"count", 1}});
  EXPECT_EQ(tell(100, "nobody")["told"], 0);
  manager_.ask("stop", {{"first", 1}, {"count", 1}});
  const std::string then = said();
  EXPECT_EQ(then.back(), '.');
  start(0, 2);  // in their places
  EXPECT_EQ(tell(101, "end")["told"], 1);
  EXPECT_TRUE(said_in_time("end", true));
  EXPECT_EQ(said(), then + "end");
}

TEST_F(HostEvents, TimersOfAStartThatFailsAreGone) {
  EXPECT_THAT(manager_.why_not("start", manager_.start_parameters(0, 1, {{"every_ms", 1}, {"fails", true}})),
              HasSubstr("as asked"));
  EXPECT_EQ(start(0, 1), Json::object());
}

TEST_F(HostEvents, APacketThatADestructorFreesWantsTheWorkerUp) {
  start(0, 2);
  auto grants = manager_.region().grants<RingProducer>();
  grants.push({40, static_cast<uint16_t>(kHeadroomBytes), 0, 0, 0, 0});
  tell(100, "take");
  EXPECT_TRUE(said_in_time("take", true));
  EXPECT_EQ(manager_.ask("stop", {{"first", 0}, {"count", 1}}), Json({{"wake", true}}));
  tell(101, "up");
  EXPECT_TRUE(said_in_time("up", true));
  const auto back = manager_.collect(1);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].handle, 40u);
  EXPECT_EQ(Verdict{back[0].word}.kind(), Verdict::kDrop);
}

}  // namespace
}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// Each system call of a start and of a spawn fails in turn, the first of its kind, the second and so on, in the manager
// and in its hosts: it succeeds all the same, or says what failed; nothing hangs, and nothing is left over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/error.h"
#include "tests/fault/call_failures.h"
#include "tests/fault/neighbours.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

const std::vector<FailingCall> kFailingCalls{
    {"memfd_create", EMFILE}, {"ftruncate", ENOSPC}, {"mmap", ENOMEM},           {"socket", EMFILE},
    {"socketpair", EMFILE},   {"bind", ENOMEM},      {"accept4", EMFILE},        {"connect", EAGAIN},
    {"recvmsg", ENOMEM},      {"sendmsg", ENOBUFS},  {"fork", EAGAIN},           {"posix_spawn", ENOMEM},
    {"eventfd", EMFILE},      {"epoll_ctl", ENOSPC}, {"pthread_create", EAGAIN}, {"pidfd_open", EMFILE},
};

size_t entries(const std::string& folder) {
  std::error_code error;
  const auto all = std::filesystem::directory_iterator(folder, error);
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

class FailingCalls : public CallFailures {};

// The manager's own, and its nursery's; hosts come and go.
struct Held {
  size_t descriptors, nursery_descriptors, processes, threads;
  static Held of(ManagerProcess& manager) {
    const auto proc = [](pid_t pid, const char* what) { return entries(fmt::format("/proc/{}/{}", pid, what)); };
    return {proc(manager.pid(), "fd"), proc(manager.nursery(), "fd"), descendants_of(manager.pid()).size(),
            proc(manager.pid(), "task")};
  }
  bool operator==(const Held&) const = default;
};

TEST_F(FailingCalls, OfASpawnLoseNothing) {
  ManagerProcess manager(two_chains(""), prefix());
  const auto spawn = [&] {
    return manager.refusal("spawn", {{"module", nf("forward")}, {"service", "honest"}, {"tier", "process"}});
  };
  const auto stop_all = [&] {
    manager.refusal("stop", {{"all", true}});
    return comes_true([&] { return manager.hosts().empty(); });
  };
  ASSERT_EQ(spawn(), "");
  ASSERT_TRUE(stop_all());
  const Held before = Held::of(manager);
  const size_t shared = entries("/dev/shm");
  uint32_t made = 0, refused = 0;
  for (const bool in_host : {false, true})
    for (const FailingCall& deed : kFailingCalls) {
      for (uint32_t nth = 1; nth <= 40; ++nth) {
        SCOPED_TRACE(fmt::format("{} {} of {}", deed.call, nth, in_host ? "roost-host" : "roostd"));
        set(deed, nth, in_host);
        const auto began = std::chrono::steady_clock::now();
        const std::string said = spawn();
        const uint32_t failed = stop();
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
        ASSERT_TRUE(runs(manager.pid())) << manager.log();
        if (failed == 0) {
          EXPECT_EQ(said, "");
          ASSERT_TRUE(stop_all());
          break;
        }
        ++made;
        refused += !said.empty();
        if (!said.empty()) {
          const bool is_said = said.find(std::strerror(deed.error)) != std::string::npos;
          const bool is_logged = said.find("see its messages above") != std::string::npos &&
                                 manager.log().find(std::strerror(deed.error)) != std::string::npos;
          EXPECT_TRUE(is_said || is_logged) << said;
        }
        ASSERT_TRUE(stop_all()) << json_text(manager.hosts(), 1);
        ASSERT_EQ(spawn(), "");
        ASSERT_TRUE(stop_all());
        EXPECT_TRUE(comes_true([&] { return Held::of(manager) == before; }, 400))
            << "descriptors " << Held::of(manager).descriptors << " and " << Held::of(manager).nursery_descriptors
            << ", before " << before.descriptors << " and " << before.nursery_descriptors << ", processes "
            << Held::of(manager).processes << ", before " << before.processes;
      }
    }
  fmt::print("{} calls failed, {} spawns were refused over it\n", made, refused);
  EXPECT_GT(made, 20U);
  EXPECT_EQ(entries("/dev/shm"), shared);
  manager.spawn(nf("forward"), "honest", 1, "process");
  EXPECT_TRUE(honest_go_on(manager));
  expect_all_back(manager);
  manager.end();
}

// Where start() throws, its host has no NF and ends; also where there is nothing left to wait for that with.
TEST_F(FailingCalls, AfterAStartThatThrowsLeaveNoHost) {
  ManagerProcess manager(two_chains(""), prefix());
  const Json throws{{"module", module("test_fussy")},
                    {"service", "honest"},
                    {"tier", "process"},
                    {"config", {{"log", ""}, {"throws", 0}}}};
  for (uint32_t nth = 1, failed = 1; failed != 0; ++nth) {
    SCOPED_TRACE(fmt::format("epoll_ctl {}", nth));
    set({"epoll_ctl", ENOSPC}, nth, false);
    EXPECT_NE(manager.refusal("spawn", throws), "");
    failed = stop();
    EXPECT_TRUE(comes_true([&] { return manager.hosts().empty(); }, 400)) << json_text(manager.hosts(), 1);
  }
  manager.end();
}

TEST_F(FailingCalls, OfAStartAreSaid) {
  const size_t shared = entries("/dev/shm");
  uint32_t made = 0, refused = 0;
  for (const FailingCall& deed : kFailingCalls) {
    const uint32_t most = deed.call == "mmap" ? 12 : 40;  // EAL makes hundreds
    for (uint32_t nth = 1; nth <= most; ++nth) {
      SCOPED_TRACE(fmt::format("{} {}", deed.call, nth));
      set(deed, nth, false);
      std::string said;
      try {
        ManagerProcess manager(two_chains(""), prefix());
        if (stop() != 0) {
          ASSERT_EQ(manager.refusal("spawn", {{"module", nf("forward")}, {"service", "honest"}}), "") << manager.log();
        }
        manager.end();
      } catch (const std::exception& error) {
        said = error.what();
      }
      if (stop() == 0) {
        EXPECT_EQ(said, "");
        break;
      }
      ++made;
      refused += !said.empty();
      if (!said.empty()) {
        fmt::print("  {} {}: {}\n", deed.call, nth, said);
        EXPECT_THAT(said, testing::AnyOf(testing::HasSubstr(std::strerror(deed.error)), testing::HasSubstr("EAL"),
                                         testing::HasSubstr("memory")));
      }
    }
  }
  fmt::print("{} calls failed, {} starts were refused over it\n", made, refused);
  EXPECT_GT(made, 20U);
  EXPECT_EQ(entries("/dev/shm"), shared);
}

}  // namespace
}  // namespace roost::test

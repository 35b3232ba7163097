// SPDX-License-Identifier: BSD-3-Clause
// What it forbids, tests/fault/confinement_test.cc tries in hosts; here it is entered by a child of the test.
#include "nflib/confinement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/error.h"
#include "core/host_region.h"
#include "nflib/sanitized.h"

namespace roost {
namespace {

using testing::ElementsAre;
using Filter = ConfinementOptions::Filter;

// The status with which a child ends that enters the confinement and then does this.
int confined(const ConfinementOptions& options, const std::function<int(WorkerReport&)>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alignas(64) static std::array<std::byte, 1 << 16> memory{};
    const HostRegion region(memory.data(), HostLayout{});
    try {
      Confinement(options).enter(region);
    } catch (const std::exception&) {
      _exit(99);
    }
    _exit(work(region.worker().report));
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int try_socket(WorkerReport& report) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0) return report.refused_calls == 0 ? 1 : 2;
  return errno == EPERM && report.refused_calls == 1 ? 3 : 4;
}

TEST(Confinement, NamesOnACommandLine) {
  EXPECT_EQ(filter_named("strict"), Filter::strict);
  EXPECT_EQ(filter_named("log"), Filter::log);
  EXPECT_EQ(filter_named("off"), Filter::off);
  EXPECT_THROW(filter_named("lax"), Error);
  EXPECT_THAT(words_between_commas(""), ElementsAre());
  EXPECT_THAT(words_between_commas("a"), ElementsAre("a"));
  EXPECT_THAT(words_between_commas(",socket,,connect,"), ElementsAre("socket", "connect"));
}

TEST(Confinement, RefusesWhatIsNotListedAndCountsIt) {
  if (kSanitized) GTEST_SKIP() << "there is no filter";
  EXPECT_EQ(confined({}, try_socket), 3);
  EXPECT_EQ(confined({.filter = Filter::log}, try_socket), 1);
  EXPECT_EQ(confined({.filter = Filter::off}, try_socket), 1);
  EXPECT_EQ(confined({.filter = Filter::strict, .allow = {"socket"}}, try_socket), 1);
  EXPECT_EQ(confined({.filter = Filter::strict, .allow = {"no_such_call"}}, try_socket), 99);
}

// Whoever takes the handler away, or blocks its signal, has a call that is not done, or an end that says why.
TEST(Confinement, HoldsWithoutItsHandler) {
  if (kSanitized) GTEST_SKIP() << "there is no filter";
  EXPECT_EQ(confined({},
                     [](WorkerReport&) {
                       signal(SIGSYS, SIG_IGN);
                       return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 1 : 2;
                     }),
            128 + SIGSYS);
  EXPECT_EQ(confined({},
                     [](WorkerReport&) {
                       sigset_t all;
                       sigfillset(&all);
                       sigprocmask(SIG_SETMASK, &all, nullptr);
                       return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 1 : 2;
                     }),
            128 + SIGSYS);
}

}  // namespace
}  // namespace roost

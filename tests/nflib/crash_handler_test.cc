// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/crash_handler.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "nflib/sanitized.h"

namespace roost {
namespace {

class CrashHandler : public testing::Test {
 protected:
  CrashHandler()
      : note_(*new (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) CrashNote{}) {}
  ~CrashHandler() override { munmap(&note_, 4096); }
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "faults are the sanitizer's";
  }
  // The signal that ends a process which does this; 0: none does.
  int signal_of(const std::function<void()>& deed) {
    const pid_t pid = fork();
    if (pid == 0) {
      const SignalStack stack;
      install_crash_handler(note_);
      deed();
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  CrashNote& note_;
};

[[gnu::noinline]] int descend(volatile char* above) {
  volatile char frame[512];
  frame[0] = above[0];
  if (frame[0] == 0) return 0;
  return descend(frame) + frame[0];
}

TEST_F(CrashHandler, NotesTheFaultAndLetsItEndTheProcess) {
  EXPECT_EQ(signal_of([] {
              volatile int* volatile wild = reinterpret_cast<int*>(0x10);
              *wild = 1;
            }),
            SIGSEGV);
  EXPECT_EQ(note_.signal, uint32_t{SIGSEGV});
  EXPECT_EQ(note_.address, 0x10U);
  EXPECT_EQ(note_.nf, UINT32_MAX) << "that thread was no worker's";
}

TEST_F(CrashHandler, NotesAnEndByAbort) {
  EXPECT_EQ(signal_of([] { std::abort(); }), SIGABRT);
  EXPECT_EQ(note_.signal, uint32_t{SIGABRT});
  EXPECT_EQ(note_.address, 0U);
}

TEST_F(CrashHandler, NotesAStackThatIsFull) {
  EXPECT_EQ(signal_of([] {
              volatile char one = 1;
              descend(&one);
            }),
            SIGSEGV);
  EXPECT_EQ(note_.signal, uint32_t{SIGSEGV});
}

TEST_F(CrashHandler, ASignalThatWasSentEndsTheProcessToo) {
  EXPECT_EQ(signal_of([] {
              if (const pid_t self = getpid(); fork() == 0) {
                kill(self, SIGBUS);
                _exit(0);
              }
              for (;;) pause();
            }),
            SIGBUS);
  EXPECT_EQ(note_.signal, uint32_t{SIGBUS});
  EXPECT_EQ(note_.nf, UINT32_MAX);
}

TEST_F(CrashHandler, OtherEndsLeaveNoNote) {
  EXPECT_EQ(signal_of([] { raise(SIGKILL); }), SIGKILL);
  EXPECT_EQ(signal_of([] {}), 0);
  EXPECT_EQ(note_.signal, 0U);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The system calls that a host may do: those that its own code, the C library and a packet NF need. What is not here
// fails. docs/decisions/0026 says why each of the others is left out.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <array>
#include <cstdint>

namespace roost {

// Whatever their arguments.
inline constexpr auto kPlainCalls = std::to_array<const char*>({
    // memory (a mapping of packet memory needs its descriptor, which hosts have closed)
    "brk",
    "mmap",
    "mremap",
    "mprotect",
    "munmap",
    "mincore",
    "msync",
    "membarrier",
    // threads and their signals
    "futex",
    "futex_waitv",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "exit",
    "exit_group",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "sigaltstack",
    "restart_syscall",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "getcpu",
    // time
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "timer_create",
    "timer_settime",
    "timer_gettime",
    "timer_getoverrun",
    "timer_delete",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "alarm",
    "setitimer",
    "getitimer",
    // descriptors that are open; none is opened for writing
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "write",
    "writev",
    "lseek",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "eventfd2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "sendmsg",
    "recvmsg",
    "sendto",
    "recvfrom",
    "shutdown",
    "getsockopt",
    // files, looked at
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents64",
    "getcwd",
    "fadvise64",
    // who and where
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getresuid",
    "getresgid",
    "getpgrp",
    "getpgid",
    "getsid",
    "getrusage",
    "getrlimit",
    "sysinfo",
    "uname",
    "getrandom",
});

// Only where (argument & mask) == value. A host's own process number is known when its filter is entered: kOwnProcess
// stands for it.
struct LimitedCall {
  const char* name;
  unsigned argument;
  uint64_t mask, value;
};
inline constexpr uint64_t kOwnProcess = 0x5eafbead;
inline constexpr uint64_t kWhole = UINT64_MAX, kInt = UINT32_MAX;
inline constexpr uint64_t kThreadOnly = CLONE_THREAD | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                        CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

inline constexpr auto kLimitedCalls = std::to_array<LimitedCall>({
    // Threads, no processes.
    {"clone", 0, kThreadOnly, CLONE_THREAD},
    // Signals to this process alone; others of the same user are the manager and its other hosts.
    {"tgkill", 0, kInt, kOwnProcess},
    {"kill", 0, kInt, kOwnProcess},
    {"rt_sigqueueinfo", 0, kInt, kOwnProcess},
    {"rt_tgsigqueueinfo", 0, kInt, kOwnProcess},
    // The calling thread's own place and limits.
    {"sched_setaffinity", 0, kInt, 0},
    {"sched_setattr", 0, kInt, 0},
    {"sched_setscheduler", 0, kInt, 0},
    {"sched_setparam", 0, kInt, 0},
    {"prlimit64", 0, kInt, 0},
    {"prctl", 0, kInt, PR_SET_NAME},
    {"prctl", 0, kInt, PR_GET_NAME},
    {"prctl", 0, kInt, PR_SET_TIMERSLACK},
    {"prctl", 0, kInt, PR_GET_DUMPABLE},
    // Reading only: a file that can be written to may be another process's memory (/proc/PID/mem).
    {"open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {"openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    // Nothing that punches holes into memory that others map, or locks it.
    {"madvise", 2, kInt, MADV_NORMAL},
    {"madvise", 2, kInt, MADV_RANDOM},
    {"madvise", 2, kInt, MADV_SEQUENTIAL},
    {"madvise", 2, kInt, MADV_WILLNEED},
    {"madvise", 2, kInt, MADV_DONTNEED},
    {"madvise", 2, kInt, MADV_FREE},
    {"madvise", 2, kInt, MADV_DONTFORK},
    {"madvise", 2, kInt, MADV_HUGEPAGE},
    {"madvise", 2, kInt, MADV_NOHUGEPAGE},
    {"madvise", 2, kInt, MADV_DONTDUMP},
    // Not F_SETOWN and F_SETSIG, by which the kernel signals whom it is told to.
    {"fcntl", 1, kInt, F_DUPFD},
    {"fcntl", 1, kInt, F_DUPFD_CLOEXEC},
    {"fcntl", 1, kInt, F_GETFD},
    {"fcntl", 1, kInt, F_SETFD},
    {"fcntl", 1, kInt, F_GETFL},
    {"fcntl", 1, kInt, F_SETFL},
    {"fcntl", 1, kInt, F_GET_SEALS},
    {"ioctl", 1, kInt, TCGETS},
    {"ioctl", 1, kInt, FIONREAD},
    {"ioctl", 1, kInt, FIONBIO},
});

}  // namespace roost

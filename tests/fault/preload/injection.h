// SPDX-License-Identifier: BSD-3-Clause
// What a test tells fail_calls.so, over a file that both map: which system call of which program is to fail, the how
// maniest, and how.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace roost::test {

inline constexpr std::array<std::string_view, 17> kCalls{
    "memfd_create", "ftruncate", "mmap",       "socket",         "socketpair", "bind",
    "accept4",      "connect",   "recvmsg",    "sendmsg",        "fork",       "posix_spawn",
    "eventfd",      "epoll_ctl", "pidfd_open", "pthread_create", "open",
};

struct Injection {
  static constexpr int kDies = -1;   // for an error: the program is killed before the call
  std::atomic<uint32_t> call{0};     // its place in kCalls
  std::atomic<int> error{0};         // errno; 0: nothing fails
  std::atomic<bool> in_host{false};  // in roost-host; otherwise in roostd
  std::atomic<uint32_t> wanted{0};   // the how maniest call fails, from 1 on
  std::atomic<uint32_t> made{0};     // so many have been made since it was set
  std::atomic<uint32_t> failed{0};   // so many have failed
};

}  // namespace roost::test

// SPDX-License-Identifier: BSD-3-Clause
// Preloaded into roostd and what it starts: the n-th call of one kind fails as if the kernel had said so. The file that
// ROOST_INJECTION names says which (injection.h); without it, or with nothing in it, all calls are as they are.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "tests/fault/preload/injection.h"

namespace {

using roost::test::Injection;
using roost::test::kCalls;

Injection* injection = nullptr;
bool is_host = false;

// Before main(), and before any thread but this one.
__attribute__((constructor)) void map_injection() {
  const char* const path = std::getenv("ROOST_INJECTION");
  if (path == nullptr) return;
  const auto fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC));
  if (fd < 0) return;
  auto* const at = reinterpret_cast<void*>(
      syscall(SYS_mmap, nullptr, sizeof(Injection), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L));
  syscall(SYS_close, fd);
  if (at == MAP_FAILED) return;
  is_host = std::strcmp(program_invocation_short_name, "roost-host") == 0;
  injection = static_cast<Injection*>(at);
}

constexpr uint32_t number_of(std::string_view name) {
  for (uint32_t i = 0; i < kCalls.size(); ++i)
    if (kCalls[i] == name) return i;
  return UINT32_MAX;
}

// The errno with which this call is to fail; 0: it is to be made.
int failure(uint32_t call) noexcept {
  if (injection == nullptr) return 0;
  const int error = injection->error.load();
  if (error == 0 || injection->call.load() != call || injection->in_host.load() != is_host) return 0;
  if (injection->made.fetch_add(1) + 1 != injection->wanted.load()) return 0;
  injection->failed.fetch_add(1);
  if (error == Injection::kDies) syscall(SYS_kill, getpid(), SIGKILL);
  return error;
}

template <typename Call>
Call* real(const char* name) noexcept {
  return reinterpret_cast<Call*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// What each does: fail, or go on to the C library's.
#define FAIL_OR(name, result)                                   \
  static_assert(number_of(name) != UINT32_MAX);                 \
  if (const int error = failure(number_of(name)); error != 0) { \
    errno = error;                                              \
    return result;                                              \
  }

extern "C" {

int memfd_create(const char* name, unsigned flags) noexcept {
  FAIL_OR("memfd_create", -1)
  return static_cast<int>(syscall(SYS_memfd_create, name, flags));
}
int ftruncate(int fd, off_t bytes) noexcept {
  FAIL_OR("ftruncate", -1)
  return static_cast<int>(syscall(SYS_ftruncate, fd, bytes));
}
void* mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  FAIL_OR("mmap", MAP_FAILED)
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, protection, flags, fd, offset));
}
void* mmap64(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  return mmap(at, bytes, protection, flags, fd, offset);
}
int socket(int domain, int type, int protocol) noexcept {
  FAIL_OR("socket", -1)
  return static_cast<int>(syscall(SYS_socket, domain, type, protocol));
}
int socketpair(int domain, int type, int protocol, int ends[2]) noexcept {
  FAIL_OR("socketpair", -1)
  return static_cast<int>(syscall(SYS_socketpair, domain, type, protocol, ends));
}
int bind(int fd, const sockaddr* address, socklen_t bytes) noexcept {
  FAIL_OR("bind", -1)
  return static_cast<int>(syscall(SYS_bind, fd, address, bytes));
}
int accept4(int fd, sockaddr* address, socklen_t* bytes, int flags) {
  FAIL_OR("accept4", -1)
  return static_cast<int>(syscall(SYS_accept4, fd, address, bytes, flags));
}
int connect(int fd, const sockaddr* address, socklen_t bytes) {
  FAIL_OR("connect", -1)
  return static_cast<int>(syscall(SYS_connect, fd, address, bytes));
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  FAIL_OR("recvmsg", -1)
  return syscall(SYS_recvmsg, fd, message, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  FAIL_OR("sendmsg", -1)
  return syscall(SYS_sendmsg, fd, message, flags);
}
pid_t fork() noexcept {
  FAIL_OR("fork", -1)
  return real<pid_t()>("fork")();
}
int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const words[], char* const environment[]) noexcept {
  if (const int error = failure(number_of("posix_spawn")); error != 0) return error;
  return real<decltype(posix_spawn)>("posix_spawn")(pid, path, actions, attributes, words, environment);
}
int eventfd(unsigned count, int flags) noexcept {
  FAIL_OR("eventfd", -1)
  return static_cast<int>(syscall(SYS_eventfd2, count, flags));
}
int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  if (what == EPOLL_CTL_ADD) {
    FAIL_OR("epoll_ctl", -1)
  }
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, what, fd, event));
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* with) noexcept {
  if (const int error = failure(number_of("pthread_create")); error != 0) return error;
  return real<decltype(pthread_create)>("pthread_create")(thread, attributes, work, with);
}
int open(const char* path, int flags, ...) {
  FAIL_OR("open", -1)
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
long syscall(long number, ...) noexcept {
  va_list more;
  va_start(more, number);
  long words[6];
  for (long& word : words) word = va_arg(more, long);
  va_end(more);
  if (number == SYS_pidfd_open) {
    FAIL_OR("pidfd_open", -1)
  }
  return real<decltype(syscall)>("syscall")(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

}  // extern "C"

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/event_set.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "core/error.h"

namespace roost {

EventSet::EventSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) fail_errno("events: epoll_create1");
}

void EventSet::watch(int descriptor, uint64_t mark) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = mark;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    fail_errno("events: cannot watch descriptor {}", descriptor);
}

void EventSet::forget(int descriptor) noexcept { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

std::vector<uint64_t> EventSet::ready(int patience_ms) const {
  std::array<epoll_event, kAtOnce> events;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  int count = epoll_wait(epoll_.get(), events.data(), kAtOnce, patience_ms);
  while (count < 0 && errno == EINTR) {  // a signal is no answer
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now()).count();
    count = epoll_wait(epoll_.get(), events.data(), kAtOnce, left < 0 ? 0 : static_cast<int>(left));
  }
  std::vector<uint64_t> marks;
  for (int i = 0; i < count; ++i) marks.push_back(events[static_cast<size_t>(i)].data.u64);
  return marks;
}

}  // namespace roost

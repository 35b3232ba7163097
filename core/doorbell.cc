// SPDX-License-Identifier: BSD-3-Clause
#include "core/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roost {
namespace {

// Not std::atomic::wait: that uses process-private futexes, and the other side is another process.
long futex(std::atomic<uint32_t>& word, int operation, uint32_t value) noexcept {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
  return syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation, value, nullptr, nullptr, 0);
}

}  // namespace

void Doorbell::init(WaitMode mode) noexcept {
  state_.store(kAwake, std::memory_order_relaxed);
  mode_.store(static_cast<uint32_t>(mode), std::memory_order_relaxed);
  sem_init(&semaphore_, 1, 0);
}

void Doorbell::wait(uint32_t state) noexcept {
  // A semaphore's token that nobody needed (the worker was up again before it came) costs one more turn.
  if (mode() == WaitMode::semaphore)
    sem_wait(&semaphore_);
  else
    futex(state_, FUTEX_WAIT, state);
}

void Doorbell::unblock(WaitMode mode) noexcept {
  if (mode == WaitMode::semaphore)
    sem_post(&semaphore_);
  else
    futex(state_, FUTEX_WAKE, 1);
}

}  // namespace roost

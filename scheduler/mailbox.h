// SPDX-License-Identifier: BSD-3-Clause
// What one thread has to tell another that waits on descriptors.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/shared_memory.h"

namespace roost {

template <typename T>
class Mailbox {
 public:
  Mailbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) fail_errno("mailbox: eventfd");
  }

  int fd() const noexcept { return event_.get(); }  // readable while there is something in it

  void put(T item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    const uint64_t one = 1;
    if (items_.size() == 1 && write(event_.get(), &one, sizeof one) < 0) return;  // it is readable already
  }

  // All of it, oldest first.
  std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    uint64_t count;
    [[maybe_unused]] const ssize_t bytes = read(event_.get(), &count, sizeof count);  // none: it was empty
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<T> items_;
  FileDescriptor event_;
};

}  // namespace roost

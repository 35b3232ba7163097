// SPDX-License-Identifier: BSD-3-Clause
// The free functions of nf.h: they mean the worker whose thread calls them.
#include <roost/nf.h>

#include <thread>

#include "nflib/worker.h"

namespace roost {

void yield() noexcept {
  if (Worker* worker = Worker::current()) worker->yield();
}

void sleep_for(std::chrono::microseconds time) noexcept {
  if (time.count() <= 0) return;
  if (Worker* worker = Worker::current())
    worker->sleep_for_us(static_cast<uint64_t>(time.count()));
  else
    std::this_thread::sleep_for(time);  // in start(): the control thread may wait
}

std::optional<std::string> wait_message(std::chrono::microseconds time) noexcept {
  Worker* const worker = Worker::current();
  if (worker == nullptr) return {};  // in start(): nobody has this NF's number yet
  return worker->wait_message_us(time.count() <= 0 ? 0 : static_cast<uint64_t>(time.count()));
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The threads that a worker runs on, bound to its core: one at a time drives it. One that loses it to an NF which does
// not come back from process() is replaced by a spare one, and is the next spare when that NF has come back.
//
// Threads stay until the worker's end, spare ones too: a suspended NF may go on on another thread, and what the
// compiler has kept of its thread's storage (errno's address) must stay there.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "nflib/runaway.h"
#include "nflib/worker.h"

namespace roost {

class WorkerThread {
 public:
  // Starts the worker. `core` -1: any. Throws Error, for one where the core does not exist or is forbidden.
  WorkerThread(Worker& worker, int core);
  ~WorkerThread();  // waits for it, and for NFs that overrun, however long that takes
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Tells the worker to end and wakes it. False: an NF kept it, or a thread that lost it, from ending in time; that
  // one runs on.
  bool stop_within(Doorbell& bell, std::chrono::milliseconds patience);

  // Has the worker stand still between two dispatches, on the thread that it has. False: it did not in time. One that
  // others keep from its core, which it is last on perhaps, has up to `most`.
  bool rest_within(Doorbell& bell, std::chrono::milliseconds patience, std::chrono::milliseconds most);
  void go_on() noexcept;  // after that

  // Control thread: if the worker is still at this dispatch (see WorkerReport), a spare thread goes on in place of the
  // one that is in it. late: the thread does not hear, and nothing has changed. Throws Error where there can be no
  // spare thread.
  Worker::Answer take_from(uint32_t nf, uint64_t dispatches, std::chrono::milliseconds patience);

 private:
  static void* live(void* self);
  void start_thread();
  void work() noexcept;
  void go_to_core() const noexcept;
  Runaway* wait_for_call() noexcept;
  bool rest() noexcept;
  void end() noexcept;

  Worker& worker_;
  const int core_;
  std::mutex mutex_;
  std::condition_variable called_, rested_;
  Runaway* to_replace_ = nullptr;  // whose thread a spare one is to replace
  uint32_t spare_ = 0;             // threads that wait for that
  bool started_ = false;           // the first one has the worker
  bool ending_ = false;
  bool to_rest_ = false, rests_ = false;
  std::vector<pthread_t> threads_;  // not yet joined
  std::vector<std::unique_ptr<Runaway>> runaways_;
};

}  // namespace roost

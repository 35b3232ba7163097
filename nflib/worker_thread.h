// SPDX-License-Identifier: BSD-3-Clause
// The thread that a worker runs on, bound to its core.
#pragma once

#include <pthread.h>

#include <chrono>

#include "nflib/worker.h"

namespace roost {

class WorkerThread {
 public:
  // Starts the worker. `core` -1: any. Throws Error, for one where the core does not exist or is forbidden.
  WorkerThread(Worker& worker, int core);
  ~WorkerThread();  // waits for it, however long that takes
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Tells the worker to end and wakes it. False: an NF kept it from ending in time; it runs on.
  bool stop_within(Doorbell& bell, std::chrono::milliseconds patience);

 private:
  Worker& worker_;
  pthread_t thread_{};
  bool joined_ = false;
};

}  // namespace roost

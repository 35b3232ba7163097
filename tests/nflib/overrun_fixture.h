// SPDX-License-Identifier: BSD-3-Clause
// A worker whose NFs don't come back from process() until they are let go.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/nflib/worker_fixture.h"

namespace roost {

class Overrun : public testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kPatience{20'000};

  static void SetUpTestSuite() { Worker::install_overrun_handler(); }

  // Lets its NFs go before it waits for them, also where the test has failed.
  class Fixture : public WorkerFixture {
   public:
    Fixture(uint32_t nfs, std::atomic<bool>& lets_go) : WorkerFixture(nfs), lets_go_(lets_go) {}
    ~Fixture() { lets_go_ = true; }

   private:
    std::atomic<bool>& lets_go_;
  };

  void loop() {
    while (!lets_go_.load(std::memory_order_relaxed)) continue;
  }
  // Has an NF dispatched that does not come back, and its thread replaced.
  static void overrun(WorkerFixture& fixture, uint32_t nf, uint32_t handle) {
    fixture.deliver(nf, handle, 0, true);
    wait_for_dispatch(fixture, nf);
    ASSERT_EQ(take_running(fixture, nf), Worker::Answer::taken);
  }
  // As the manager does: again, where the dispatch is named already and the NF not called yet.
  static Worker::Answer take_running(WorkerFixture& fixture, uint32_t nf) {
    Worker::Answer answer = Worker::Answer::ended;
    for (int tries = 0; tries < 1'000 && answer == Worker::Answer::ended; ++tries) answer = fixture.take_from(nf);
    return answer;
  }
  static void wait_for_dispatch(WorkerFixture& fixture, uint32_t nf) {
    while (fixture.region().worker().report.current_nf != nf) std::this_thread::yield();
  }
  static bool becomes(WorkerFixture& fixture, uint32_t nf, NfRecordState state) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (fixture.region().nf(nf).state != state && std::chrono::steady_clock::now() < until) {
      fixture.wake();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return fixture.region().nf(nf).state == state;
  }

  std::atomic<bool> lets_go_{false};
};

}  // namespace roost

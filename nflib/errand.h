// SPDX-License-Identifier: BSD-3-Clause
// Work that the control thread has the worker's thread do, between two dispatches or while the worker sleeps. So what
// belongs to the worker is touched by its thread alone, and the packet path takes no lock.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace roost {

class Errand {
 public:
  // Control thread; one at a time. `nudge` has a sleeping worker look here: called again and again, since the worker
  // may just be falling asleep. False: it was not done in time, and won't be any more.
  template <typename Nudge>
  bool have_done(const std::function<void()>& work, Nudge&& nudge, std::chrono::milliseconds patience) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    std::unique_lock lock(mutex_);
    work_ = &work;
    waits_.store(true, std::memory_order_seq_cst);
    do {
      nudge();
      if (done_.wait_for(lock, kTurn, [this] { return work_ == nullptr; })) return true;
    } while (std::chrono::steady_clock::now() < give_up);
    work_ = nullptr;
    waits_.store(false, std::memory_order_relaxed);
    return false;
  }

  // Worker. Costs a load where nothing waits.
  bool waits() const noexcept { return waits_.load(std::memory_order_relaxed); }
  void run() noexcept {
    const std::lock_guard lock(mutex_);
    if (work_ == nullptr) return;  // taken back meanwhile
    (*work_)();
    work_ = nullptr;
    waits_.store(false, std::memory_order_relaxed);
    done_.notify_one();
  }

 private:
  static constexpr std::chrono::milliseconds kTurn{1};

  std::mutex mutex_;
  std::condition_variable done_;
  const std::function<void()>* work_ = nullptr;
  std::atomic<bool> waits_{false};
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Does not come back from a burst while the file {"file": PATH} exists. {"deaf": true}: and hears no signal meanwhile;
// {"asleep": true}: and uses no processor meanwhile.
#include <pthread.h>
#include <roost/config.h>
#include <roost/nf.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

namespace {

class Spin final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    file_ = config.text("file").value();
    deaf_ = config.flag("deaf").value_or(false);
    asleep_ = config.flag("asleep").value_or(false);
  }

  void process(roost::Burst&) noexcept override {
    if (access(file_.c_str(), F_OK) != 0) return;
    sigset_t all, before;
    sigfillset(&all);
    if (deaf_) pthread_sigmask(SIG_SETMASK, &all, &before);
    while (asleep_ && access(file_.c_str(), F_OK) == 0) usleep(20'000);
    while (access(file_.c_str(), F_OK) == 0)
      // The thread sanitizer lets signals in at atomic operations.
      for (int i = 0; i < 100'000; ++i) beats_.fetch_add(1, std::memory_order_relaxed);
    if (deaf_) pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

 private:
  std::string file_;
  bool deaf_ = false, asleep_ = false;
  std::atomic<uint64_t> beats_{0};
};

}  // namespace

ROOST_NF(Spin)

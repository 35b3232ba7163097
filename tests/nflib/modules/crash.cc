// SPDX-License-Identifier: BSD-3-Clause
// An NF that takes its process down: {"at": "start"}, or {"at": "packet", "number": N}, counted from 1, and with "nf"
// only in the NF of that number. Its "how": "signal" (standard), "null" (a null pointer), "abort", "stack" (there is no
// end to it), "exit". With {"file": F}, in start() only where there is such a file. {"fails": N}: the start of the NF
// of that number fails, after a while in which others may crash.
#include <roost/config.h>
#include <roost/nf.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

// As a wild pointer would, also where a sanitizer waits for the signal to tell of it in its own way.
void signal_itself() {
  std::signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}

[[gnu::noinline]] int descend(volatile char* above) {  // NOLINT(misc-no-recursion): that is its point
  volatile char frame[512];
  frame[0] = above == nullptr ? char{1} : above[0];
  if (frame[0] == 0) return 0;  // never: for compilers that see through this
  return descend(frame) + frame[0];
}

class Crash final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    const std::string at = config.text("at").value_or("never"), file = config.text("file").value_or("");
    how_ = config.text("how").value_or("signal");
    const auto of = config.number("nf", 0, UINT32_MAX);
    if (at == "packet" && (!of || *of == context.nf_id())) number_ = config.number("number", 1, UINT32_MAX).value_or(1);
    if (config.number("fails", 0, UINT32_MAX) == context.nf_id()) {
      usleep(300'000);
      throw std::runtime_error("as asked");
    }
    if (at == "start" && (file.empty() || access(file.c_str(), F_OK) == 0)) crash();
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      packet.verdict = roost::next();
      if (++seen_ == number_) crash();
    }
  }

 private:
  void crash() {
    if (how_ == "null") *null_ = 1;
    if (how_ == "abort") std::abort();
    if (how_ == "stack") seen_ += static_cast<uint64_t>(descend(nullptr));
    if (how_ == "exit") _exit(0);
    signal_itself();
  }

  volatile int* volatile null_ = nullptr;
  std::string how_;
  uint64_t number_ = 0, seen_ = 0;
};

}  // namespace

ROOST_NF(Crash)

// SPDX-License-Identifier: BSD-3-Clause
// An NF that takes its process down: {"at": "start"}, or {"at": "packet", "number": N}, counted from 1.
#include <roost/config.h>
#include <roost/nf.h>

#include <csignal>
#include <string>

namespace {

// As a wild pointer would, also where a sanitizer waits for the signal to tell of it in its own way.
void crash() {
  std::signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}

class Crash final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    const std::string at = config.text("at").value_or("never");
    if (at == "packet") number_ = config.number("number", 1, UINT32_MAX).value_or(1);
    if (at == "start") crash();
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      packet.verdict = roost::next();
      if (++seen_ == number_) crash();
    }
  }

 private:
  uint64_t number_ = 0, seen_ = 0;
};

}  // namespace

ROOST_NF(Crash)

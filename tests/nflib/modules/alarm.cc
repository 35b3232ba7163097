// SPDX-License-Identifier: BSD-3-Clause
// Writes down what happens to it: t for a timer, messages as they are, . at its end. "take" has it make a packet and
// keep it; "pass N TEXT" posts the text to NF N. {"spins": F}: a timer's call does not come back while there is this
// file.
#include <roost/config.h>
#include <roost/nf.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>

class Alarm final : public roost::Nf {
 public:
  ~Alarm() override {
    note(".");
    rte_pktmbuf_free(held_);
  }
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    context_ = &context;
    context.reserve_packets(1);
    file_ = config.text("log").value_or("");
    spins_ = config.text("spins").value_or("");
    if (const auto ms = config.number("after_ms", 0, 1'000'000)) context.after(std::chrono::milliseconds(*ms));
    if (const auto ms = config.number("every_ms", 1, 1'000'000)) context.every(std::chrono::milliseconds(*ms));
    if (config.flag("fails").value_or(false)) throw std::runtime_error("as asked");
  }
  void process(roost::Burst&) noexcept override {}
  void on_timer(roost::TimerId) noexcept override {
    note("t");
    while (!spins_.empty() && access(spins_.c_str(), F_OK) == 0)
      // The thread sanitizer lets signals in at atomic operations.
      for (int i = 0; i < 100'000; ++i) beats_.fetch_add(1, std::memory_order_relaxed);
  }
  void on_message(std::string_view message) noexcept override {
    if (message == "take") held_ = rte_pktmbuf_alloc(context_->pool());
    if (message.substr(0, 5) == "pass ") {
      char* end = nullptr;
      const std::string rest(message.substr(5));
      const auto nf = static_cast<uint32_t>(std::strtoul(rest.c_str(), &end, 10));
      note(context_->post(nf, end) ? "passed" : "refused");
      return;
    }
    note(std::string(message).c_str());
  }

 private:
  void note(const char* what) const {
    if (file_.empty()) return;
    if (FILE* file = std::fopen(file_.c_str(), "ae")) {
      std::fputs(what, file);
      std::fclose(file);
    }
  }
  roost::Context* context_ = nullptr;
  rte_mbuf* held_ = nullptr;
  std::string file_, spins_;
  std::atomic<uint64_t> beats_{0};
};
ROOST_NF(Alarm)

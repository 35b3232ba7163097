// SPDX-License-Identifier: BSD-3-Clause
// Counts its packets, from 1, and writes the count into each as its source address's first four bytes: what it has in
// its memory can be read off what leaves. Every so many, as {"keep": N} says, it keeps for good. {"exits": F}: its
// process does, with status 0, when there is such a file, whatever its worker is at.
#include <roost/config.h>
#include <roost/nf.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

class Tally final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    keep_ = static_cast<uint32_t>(config.number("keep", 0, 1u << 30).value_or(0));
    if (const auto file = config.text("exits"))
      looks_ = std::jthread([file = std::string(*file)](const std::stop_token& stops) {
        for (; !stops.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(5)))
          if (access(file.c_str(), F_OK) == 0) _exit(0);
      });
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      ++count_;
      if (packet.bytes() >= 12) std::memcpy(packet.data() + 6, &count_, sizeof count_);
      if (keep_ != 0 && count_ % keep_ == 0) packet.verdict = roost::keep();
    }
  }

 private:
  std::jthread looks_;
  uint32_t count_ = 0, keep_ = 0;
};
ROOST_NF(Tally)

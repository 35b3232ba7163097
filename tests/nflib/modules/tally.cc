// SPDX-License-Identifier: BSD-3-Clause
// Counts its packets, from 1, and writes the count into each as its source address's first four bytes: what it has in
// its memory can be read off what leaves. Every so many, as {"keep": N} says, it keeps for good.
#include <roost/config.h>
#include <roost/nf.h>

#include <cstring>

class Tally final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    keep_ = static_cast<uint32_t>(roost::Config(context.config()).number("keep", 0, 1u << 30).value_or(0));
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      ++count_;
      if (packet.bytes() >= 12) std::memcpy(packet.data() + 6, &count_, sizeof count_);
      if (keep_ != 0 && count_ % keep_ == 0) packet.verdict = roost::keep();
    }
  }

 private:
  uint32_t count_ = 0, keep_ = 0;
};
ROOST_NF(Tally)

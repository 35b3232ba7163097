// SPDX-License-Identifier: BSD-3-Clause
// busy: touches a byte of each packet and spends a set number of TSC cycles on it. For experiments.
//
// Configuration, optional: {"cycles": 250} (whole number, 0 to 1e9; 0 if not given).
#include <roost/config.h>
#include <roost/nf.h>

#include "core/clock.h"

namespace {

class Busy final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    cycles_ = roost::Config(context.config()).number("cycles", 0, 1'000'000'000).value_or(0);
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      const uint64_t end = cycles_ == 0 ? 0 : roost::tsc_now() + cycles_;
      if (packet.bytes() != 0) ++*packet.data();
      while (cycles_ != 0 && roost::tsc_now() < end) {
      }
    }
  }

 private:
  uint64_t cycles_ = 0;
};

}  // namespace

ROOST_NF(Busy)

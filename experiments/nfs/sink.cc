// SPDX-License-Identifier: BSD-3-Clause
// sink: works for a set number of TSC cycles on each packet, and drops it: a neighbour that leaves no trace in what is
// sent on.
//
// Configuration, optional: {"cycles": 250} (whole number, 0 to 1e9; 0 if not given).
#include <roost/config.h>
#include <roost/nf.h>

#include "examples/busy_work.h"

namespace {

class Sink final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    steps_ = roost::busy_steps(roost::Config(context.config()).number("cycles", 0, 1'000'000'000).value_or(0));
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      roost::busy_work(steps_);
      packet.verdict = roost::drop();
    }
  }

 private:
  uint64_t steps_ = 0;
};

}  // namespace

ROOST_NF(Sink)

// SPDX-License-Identifier: BSD-3-Clause
// busy: touches a byte of each packet and computes for a set number of TSC cycles. For experiments.
//
// It counts steps of work, not time: what it does for a packet stays the same when the kernel takes the core away in
// between. How many steps a cycle takes is measured once in each host.
//
// Configuration, optional: {"cycles": 250} (whole number, 0 to 1e9; 0 if not given).
#include <roost/config.h>
#include <roost/nf.h>

#include "examples/busy_work.h"

namespace {

class Busy final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    steps_ = roost::busy_steps(roost::Config(context.config()).number("cycles", 0, 1'000'000'000).value_or(0));
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      if (packet.bytes() != 0) ++*packet.data();
      roost::busy_work(steps_);
    }
  }

 private:
  uint64_t steps_ = 0;
};

}  // namespace

ROOST_NF(Busy)

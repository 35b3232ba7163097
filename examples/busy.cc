// SPDX-License-Identifier: BSD-3-Clause
// busy: touches a byte of each packet and computes for a set number of TSC cycles. For experiments.
//
// It counts steps of work, not time: what it does for a packet stays the same when the kernel takes the core away in
// between. How many steps a cycle takes is measured once in each host.
//
// Configuration, optional: {"cycles": 250} (whole number, 0 to 1e9; 0 if not given).
#include <roost/config.h>
#include <roost/nf.h>

#include <algorithm>

#include "core/clock.h"

namespace {

// Each step needs the result of the one before it.
uint64_t work(uint64_t steps) noexcept {
  uint64_t value = steps;
  for (uint64_t i = 0; i < steps; ++i) {
    value = value * 0x9e3779b97f4a7c15ULL + i;
    __asm__ volatile("" : "+r"(value));
  }
  return value;
}

// The shortest of several: the others were interrupted, or the core was still slow.
double measure_steps_per_cycle() noexcept {
  constexpr uint64_t kSteps = 200'000;
  uint64_t shortest = UINT64_MAX;
  for (int trial = 0; trial < 5; ++trial) {
    const uint64_t began = roost::tsc_now();
    work(kSteps);
    shortest = std::min(shortest, roost::tsc_now() - began);
  }
  return static_cast<double>(kSteps) / static_cast<double>(shortest);
}

class Busy final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const auto cycles = roost::Config(context.config()).number("cycles", 0, 1'000'000'000).value_or(0);
    if (cycles == 0) return;
    static const double steps_per_cycle = measure_steps_per_cycle();
    steps_ = static_cast<uint64_t>(static_cast<double>(cycles) * steps_per_cycle);
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      if (packet.bytes() != 0) ++*packet.data();
      work(steps_);
    }
  }

 private:
  uint64_t steps_ = 0;
};

}  // namespace

ROOST_NF(Busy)

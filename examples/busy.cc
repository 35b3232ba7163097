// SPDX-License-Identifier: BSD-3-Clause
// busy: touches a byte of each packet and spends a set number of TSC cycles on it. For experiments.
//
// Configuration, optional: {"cycles": 250} (whole number, 0 to 1e9; 0 if not given).
#include <roost/nf.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/clock.h"

namespace {

class Busy final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const auto config = nlohmann::json::parse(context.config());
    if (!config.contains("cycles")) return;
    const auto& cycles = config.at("cycles");
    if (!cycles.is_number_unsigned() || cycles > 1'000'000'000)
      throw std::runtime_error("busy: \"cycles\" is a whole number from 0 to 1000000000, of each packet");
    cycles_ = cycles;
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

// SPDX-License-Identifier: BSD-3-Clause
// lap: writes into each packet when it was called with it.
#include "experiments/nfs/lap.h"

#include <roost/nf.h>

#include <cstring>

#include "core/clock.h"

namespace {

class LapNf final : public roost::Nf {
 public:
  void process(roost::Burst& burst) noexcept override {
    const uint64_t now = roost::tsc_now();
    for (auto& packet : burst) {
      const size_t at = roost::experiment::kLapOffset + offsetof(roost::experiment::Lap, called_tsc);
      if (packet.bytes() >= at + sizeof now) std::memcpy(packet.data() + at, &now, sizeof now);
    }
  }
};

}  // namespace

ROOST_NF(LapNf)

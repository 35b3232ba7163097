// SPDX-License-Identifier: BSD-3-Clause
// A hostile NF: it keeps every packet that it gets, for ever.
#include <roost/nf.h>

class Hoard final : public roost::Nf {
 public:
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) packet.verdict = roost::keep();
  }
};
ROOST_NF(Hoard)

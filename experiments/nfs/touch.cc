// SPDX-License-Identifier: BSD-3-Clause
// The least that an NF can do and still have seen the packet: changes one byte.
#include <roost/nf.h>

namespace {

class Touch final : public roost::Nf {
 public:
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) packet.data()[0] ^= 1;
  }
};

}  // namespace

ROOST_NF(Touch)

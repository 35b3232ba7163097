// SPDX-License-Identifier: BSD-3-Clause
// runaway: never returns from the first burst that it is called with.
#include <roost/nf.h>

#include <atomic>

namespace {

class Runaway final : public roost::Nf {
 public:
  void process(roost::Burst&) noexcept override {
    std::atomic<bool> never{false};
    while (!never.load(std::memory_order_relaxed)) {
    }
  }
};

}  // namespace

ROOST_NF(Runaway)

// SPDX-License-Identifier: BSD-3-Clause
// forward: every packet goes on to the next service of its chain; behind the last one, out of the chain's port.
//
// Configuration, optional: {"out": "net1"} sends everything out of that port instead.
#include <roost/config.h>
#include <roost/nf.h>

namespace {

class Forward final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    if (const auto out = config.text("out")) verdict_ = roost::out(context.port(*out));
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) packet.verdict = verdict_;
  }

 private:
  roost::Verdict verdict_ = roost::next();
};

}  // namespace

ROOST_NF(Forward)

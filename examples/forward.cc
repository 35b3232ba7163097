// SPDX-License-Identifier: BSD-3-Clause
// forward: every packet goes on to the next service of its chain; behind the last one, out of the chain's port.
//
// Configuration, optional: {"out": "net1"} sends everything out of that port instead.
#include <roost/nf.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

class Forward final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const auto config = nlohmann::json::parse(context.config());
    if (config.contains("out")) verdict_ = roost::out(context.port(config.at("out").get<std::string>()));
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) packet.verdict = verdict_;
  }

 private:
  roost::Verdict verdict_ = roost::next();
};

}  // namespace

ROOST_NF(Forward)

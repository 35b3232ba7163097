// SPDX-License-Identifier: BSD-3-Clause
// bridge: swaps the MAC addresses and sends each frame out of the other port of its pair: ports 0 and 1, 2 and 3, ...
//
// Configuration, optional: {"a": "net0", "b": "net1"} bridges these two ports; frames from others are dropped.
#include <roost/nf.h>
#include <rte_ether.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

class Bridge final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const auto config = nlohmann::json::parse(context.config());
    named_ = config.contains("a") || config.contains("b");
    if (!named_) return;
    if (!config.contains("a") || !config.contains("b")) throw std::runtime_error("bridge: give both a and b");
    a_ = context.port(config.at("a").get<std::string>());
    b_ = context.port(config.at("b").get<std::string>());
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      if (auto* ether = packet.header<rte_ether_hdr>()) std::swap(ether->src_addr, ether->dst_addr);
      packet.verdict = across(packet.in_port());
    }
  }

 private:
  roost::Verdict across(uint16_t port) const noexcept {
    if (!named_) return roost::out(port ^ 1);
    if (port == a_) return roost::out(b_);
    return port == b_ ? roost::out(a_) : roost::drop();
  }

  bool named_ = false;
  uint16_t a_ = 0, b_ = 0;
};

}  // namespace

ROOST_NF(Bridge)

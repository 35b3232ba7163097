// SPDX-License-Identifier: BSD-3-Clause
// Writes its NF's id into the first four bytes of each packet; the verdict is next(), or out of the port configured.
#include <roost/nf.h>

#include <cstring>
#include <nlohmann/json.hpp>

class Tag final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    id_ = context.nf_id();
    const auto config = nlohmann::json::parse(context.config());
    if (config.contains("out")) verdict_ = roost::out(context.port(config.at("out").get<std::string>()));
    if (config.contains("to")) verdict_ = roost::to(context.service(config.at("to").get<std::string>()));
  }
  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) {
      if (packet.bytes() >= sizeof id_) std::memcpy(packet.data(), &id_, sizeof id_);
      packet.verdict = verdict_;
    }
  }

 private:
  uint32_t id_ = 0;
  roost::Verdict verdict_ = roost::next();
};
ROOST_NF(Tag)

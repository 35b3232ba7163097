// SPDX-License-Identifier: BSD-3-Clause
// Writes its NF's id into the first four bytes of each packet; the verdict is next(), or out of the port configured.
#include <roost/config.h>
#include <roost/nf.h>

#include <cstring>

class Tag final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    id_ = context.nf_id();
    const roost::Config config(context.config());
    if (const auto out = config.text("out")) verdict_ = roost::out(context.port(*out));
    if (const auto to = config.text("to")) verdict_ = roost::to(context.service(*to));
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

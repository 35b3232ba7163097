// SPDX-License-Identifier: BSD-3-Clause
// keepalive: says out of a port, again and again, that it lives; packets of its chain just pass.
//
// Configuration: {"out": "net0", "period_ms": 1000}. Each frame is an Ethernet broadcast of the local experimental type
// 0x88b5 with the NF's number and a count, 32 bits each. Messages: "pause" and "resume" ('roost tell 7 pause').
#include <roost/config.h>
#include <roost/nf.h>
#include <rte_byteorder.h>
#include <rte_ether.h>

#include <cstring>
#include <stdexcept>

namespace {

constexpr uint16_t kFrameBytes = 60;  // the least that Ethernet sends, without its checksum
constexpr uint16_t kExperimental = 0x88b5;

class Keepalive final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    const auto out = config.text("out");
    if (!out) throw std::runtime_error("keepalive: \"out\" is missing: the port to send out of");
    verdict_ = roost::out(context.port(*out));
    context_ = &context;
    context.reserve_packets(1);
    context.every(std::chrono::milliseconds(config.number("period_ms", 1, 3'600'000).value_or(1'000)));
  }

  void process(roost::Burst&) noexcept override {}

  void on_timer(roost::TimerId) noexcept override {
    if (paused_) return;
    rte_mbuf* const packet = rte_pktmbuf_alloc(context_->pool());
    if (packet == nullptr) return;  // none granted yet: the next time
    if (char* const frame = rte_pktmbuf_append(packet, kFrameBytes)) {
      rte_ether_hdr ether{};
      std::memset(&ether.dst_addr, 0xff, sizeof ether.dst_addr);
      ether.src_addr.addr_bytes[0] = 0x02;  // locally administered
      ether.ether_type = rte_cpu_to_be_16(kExperimental);
      const uint32_t numbers[] = {rte_cpu_to_be_32(context_->nf_id()), rte_cpu_to_be_32(count_++)};
      std::memset(frame, 0, kFrameBytes);
      std::memcpy(frame, &ether, sizeof ether);
      std::memcpy(frame + sizeof ether, numbers, sizeof numbers);
    }
    context_->send(packet, verdict_);
  }

  void on_message(std::string_view message) noexcept override {
    if (message == "pause") paused_ = true;
    if (message == "resume") paused_ = false;
  }

 private:
  roost::Context* context_ = nullptr;
  roost::Verdict verdict_;
  uint32_t count_ = 0;
  bool paused_ = false;
};

}  // namespace

ROOST_NF(Keepalive)

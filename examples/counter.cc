// SPDX-License-Identifier: BSD-3-Clause
// counter: counts packets and bytes by protocol.
//
// Configuration, optional: {"report": "FILE"} appends the counts to that file, a line of JSON, when the NF is stopped.
// The manager's configuration must let hosts write files: [hosts] seccomp_allow = ["openat"].
#include <roost/config.h>
#include <roost/nf.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

class Counter final : public roost::Nf {
 public:
  ~Counter() override {
    if (path_.empty()) return;
    std::ostringstream report;  // whole lines, since others append to the file too
    report << "{\"nf\":" << id_;
    for (size_t i = 0; i < kKinds; ++i)
      report << ",\"" << kNames[i] << "\":{\"packets\":" << counts_[i].packets << ",\"bytes\":" << counts_[i].bytes
             << '}';
    report << "}\n";
    std::ofstream(path_, std::ios::app) << report.str();
  }

  void start(roost::Context& context) override {
    id_ = context.nf_id();
    path_ = roost::Config(context.config()).text("report").value_or("");
    // The destructor, which writes it, could tell nobody.
    if (!path_.empty() && !std::ofstream(path_, std::ios::app))
      throw std::runtime_error("counter: report '" + path_ +
                               "': cannot write it; name a file in a folder that exists, and let "
                               "hosts write files ([hosts] seccomp_allow = [\"openat\"])");
  }

  void process(roost::Burst& burst) noexcept override {
    for (const auto& packet : burst) {
      Count& count = counts_[kind_of(packet)];
      ++count.packets;
      count.bytes += packet.bytes_total();
    }
  }

 private:
  enum Kind : size_t { kTcp, kUdp, kOtherIp, kNotIp, kKinds };
  static constexpr const char* kNames[kKinds] = {"tcp", "udp", "other_ip", "not_ip"};
  struct Count {
    uint64_t packets = 0, bytes = 0;
  };

  static Kind kind_of(const roost::Packet& packet) noexcept {
    const auto* ether = packet.header<rte_ether_hdr>();
    const uint16_t type = ether != nullptr ? rte_be_to_cpu_16(ether->ether_type) : uint16_t{0};
    const auto* ipv4 = type == RTE_ETHER_TYPE_IPV4 ? packet.header<rte_ipv4_hdr>(sizeof *ether) : nullptr;
    const auto* ipv6 = type == RTE_ETHER_TYPE_IPV6 ? packet.header<rte_ipv6_hdr>(sizeof *ether) : nullptr;
    if (ipv4 == nullptr && ipv6 == nullptr) return kNotIp;
    const int protocol = ipv4 != nullptr ? ipv4->next_proto_id : ipv6->proto;
    return protocol == IPPROTO_TCP ? kTcp : protocol == IPPROTO_UDP ? kUdp : kOtherIp;
  }

  uint32_t id_ = 0;
  Count counts_[kKinds];
  std::string path_;
};

}  // namespace

ROOST_NF(Counter)

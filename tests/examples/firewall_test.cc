// SPDX-License-Identifier: BSD-3-Clause
#include "examples/firewall.cc"  // NOLINT: an NF is one file

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <vector>

#include "nflib/eal_shim.h"
#include "tests/examples/fixed_context.h"
#include "tests/support/temp_dir.h"

namespace {

using roost::test::FixedContext;
using testing::AllOf;
using testing::HasSubstr;

// A frame with an mbuf of its own around it.
class Frames {
 public:
  void add(const std::vector<uint8_t>& bytes) {
    auto& frame = frames_.emplace_back(bytes);
    auto& mbuf = mbufs_.emplace_back();
    mbuf.buf_addr = frame.data();
    mbuf.data_len = static_cast<uint16_t>(frame.size());
    mbuf.pkt_len = mbuf.data_len;
  }
  void ipv4(uint8_t protocol, const char* from, uint16_t from_port, const char* to, uint16_t to_port,
            uint16_t fragment = 0, uint8_t options_words = 0) {
    std::vector<uint8_t> bytes(sizeof(rte_ether_hdr) + sizeof(rte_ipv4_hdr) + options_words * 4u + 8);
    auto* ether = reinterpret_cast<rte_ether_hdr*>(bytes.data());
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    auto* ip = reinterpret_cast<rte_ipv4_hdr*>(ether + 1);
    ip->version_ihl = static_cast<uint8_t>(0x45 + options_words);
    ip->next_proto_id = protocol;
    ip->fragment_offset = rte_cpu_to_be_16(fragment);
    inet_pton(AF_INET, from, &ip->src_addr);
    inet_pton(AF_INET, to, &ip->dst_addr);
    const uint16_t ports[] = {rte_cpu_to_be_16(from_port), rte_cpu_to_be_16(to_port)};
    std::memcpy(reinterpret_cast<uint8_t*>(ip + 1) + options_words * 4u, ports, sizeof ports);
    add(bytes);
  }
  // Puts a VLAN tag before what the last frame has.
  void tag(const std::array<uint8_t, 4>& tag) {
    std::vector<uint8_t> bytes = frames_.back();
    bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
    frames_.pop_back();
    mbufs_.pop_back();
    add(bytes);
  }
  // One letter a packet: + passes, - is dropped.
  std::string judged_by(roost::Nf& nf) {
    std::vector<roost::Packet> packets;
    for (auto& mbuf : mbufs_) packets.emplace_back(&mbuf);
    roost::Burst burst(packets.data(), static_cast<uint32_t>(packets.size()));
    nf.process(burst);
    std::string all;
    for (const auto& packet : packets) all += packet.verdict == roost::drop() ? '-' : '+';
    return all;
  }

 private:
  std::deque<std::vector<uint8_t>> frames_;
  std::deque<rte_mbuf> mbufs_;
};

class FirewallNf : public testing::Test {
 protected:
  FirewallNf() { roost::init_eal_shim(1'000'000'000); }

  std::string why_not(const nlohmann::json& config) {
    try {
      start(config);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "started";
  }
  void start(const nlohmann::json& config) {
    FixedContext context(config);
    nf_.start(context);
  }
  std::string file(const std::string& text) { return folder_.file("rules", text); }

  roost::test::TempDir folder_;
  Firewall nf_;
  Frames frames_;
};

TEST_F(FirewallNf, TheFirstRuleThatFitsCounts) {
  start({{"rules", file("# test network\n"
                        "deny  any from 192.0.2.0/24\n\n"
                        "allow tcp to 10.1.0.0/16 port 80-443  # the web\n"
                        "allow udp from any port 53 to 10.1.0.0/16\n"
                        "allow icmp\n"
                        "default deny\n")}});
  frames_.ipv4(IPPROTO_TCP, "192.0.2.7", 1000, "10.1.2.3", 80);
  frames_.ipv4(IPPROTO_TCP, "192.0.3.7", 1000, "10.1.2.3", 80);
  frames_.ipv4(IPPROTO_TCP, "192.0.3.7", 1000, "10.1.2.3", 443);
  frames_.ipv4(IPPROTO_TCP, "192.0.3.7", 1000, "10.1.2.3", 444);
  frames_.ipv4(IPPROTO_TCP, "192.0.3.7", 1000, "10.2.2.3", 80);
  frames_.ipv4(IPPROTO_UDP, "192.0.3.7", 53, "10.1.2.3", 9);
  frames_.ipv4(IPPROTO_UDP, "192.0.3.7", 54, "10.1.2.3", 9);
  frames_.ipv4(IPPROTO_ICMP, "8.8.8.8", 0, "10.1.2.3", 0);
  EXPECT_EQ(frames_.judged_by(nf_), "-++--+-+");
}

TEST_F(FirewallNf, OptionsFragmentsAndDamage) {
  start({{"deny", {"tcp to any port 22"}}, {"default", "allow"}, {"other", "deny"}});
  frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", 22, 0, 2);  // behind options
  frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", 23, 0, 2);
  frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", 22, 100);  // a fragment: what looks like ports is data
  frames_.add({1, 2, 3});
  std::vector<uint8_t> arp(60);
  arp[12] = 0x08, arp[13] = 0x06;
  frames_.add(arp);
  std::vector<uint8_t> cut(20);
  cut[12] = 0x08;
  frames_.add(cut);
  EXPECT_EQ(frames_.judged_by(nf_), "-++---");
}

TEST_F(FirewallNf, RulesHoldBehindTags) {
  start({{"deny", {"tcp to any port 22"}}, {"default", "allow"}});
  for (const uint16_t port : {22, 23}) {
    frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", port);
    frames_.tag({0x81, 0x00, 0x00, 0x07});
    frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", port);
    frames_.tag({0x81, 0x00, 0x00, 0x07});
    frames_.tag({0x88, 0xa8, 0x00, 0x09});
  }
  std::vector<uint8_t> cut(16);
  cut[12] = 0x81;
  frames_.add(cut);
  EXPECT_EQ(frames_.judged_by(nf_), "--++-");
}

TEST_F(FirewallNf, WithoutRulesTheDefaultCounts) {
  frames_.ipv4(IPPROTO_TCP, "1.1.1.1", 1, "2.2.2.2", 22);
  start(nlohmann::json::object());
  EXPECT_EQ(frames_.judged_by(nf_), "-");
  start({{"default", "allow"}});
  EXPECT_EQ(frames_.judged_by(nf_), "+");
}

TEST_F(FirewallNf, DenyGoesBeforeAllowInLists) {
  frames_.ipv4(47, "10.0.0.1", 0, "2.2.2.2", 0);
  frames_.ipv4(47, "10.0.0.2", 0, "2.2.2.2", 0);
  start({{"allow", {"47 from 10.0.0.0/8"}}, {"deny", {"any from 10.0.0.1"}}});
  EXPECT_EQ(frames_.judged_by(nf_), "-+");
}

TEST_F(FirewallNf, HundredsOfRulesAndFullBursts) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("allow udp to 10.{}.{}.0/24 port {}\n", i / 250, i % 250, 1000 + i);
  start({{"rules", file(text)}});
  std::string expected;
  for (int i = 0; i < 64; ++i) {
    frames_.ipv4(IPPROTO_UDP, "9.9.9.9", 7, fmt::format("10.1.{}.9", i).c_str(),
                 static_cast<uint16_t>(1250 + i + i % 2));
    expected += i % 2 == 0 ? '+' : '-';
  }
  EXPECT_EQ(frames_.judged_by(nf_), expected);
}

TEST_F(FirewallNf, ErrorsNameTheLine) {
  const auto of = [this](const std::string& text) { return why_not({{"rules", file("# one\n" + text + "\n")}}); };
  EXPECT_THAT(of("allow tcp from 10.0.0.0/33"), AllOf(HasSubstr("line 2:"), HasSubstr("'33' is no prefix length")));
  EXPECT_THAT(of("allow tcp from 10.0.0/8"), HasSubstr("'10.0.0/8' is no IPv4 network"));
  EXPECT_THAT(of("permit tcp"), HasSubstr("'permit': say allow or deny"));
  EXPECT_THAT(of("allow"), HasSubstr("needs a protocol"));
  EXPECT_THAT(of("allow tpc"), HasSubstr("'tpc' is no protocol"));
  EXPECT_THAT(of("allow 256"), HasSubstr("'256' is no protocol"));
  EXPECT_THAT(of("allow tcp port 80"), HasSubstr("behind a network"));
  EXPECT_THAT(of("allow any to any port 80"), HasSubstr("only tcp, udp and sctp"));
  EXPECT_THAT(of("allow tcp to any port 90-80"), HasSubstr("end before they begin"));
  EXPECT_THAT(of("allow tcp to any port 65536"), HasSubstr("'65536' is no port"));
  EXPECT_THAT(of("allow tcp to"), HasSubstr("'to' of what?"));
  EXPECT_THAT(of("allow tcp at noon"), HasSubstr("'at': expected from, to or port"));
  EXPECT_THAT(of("default maybe"), HasSubstr("'maybe': say allow or deny"));
  EXPECT_THAT(of("default"), HasSubstr("say allow or deny"));
  EXPECT_THAT(of("default deny now"), HasSubstr("'now' behind the default"));
  EXPECT_THAT(why_not({{"rules", "/nowhere/rules"}}), HasSubstr("cannot open"));
  EXPECT_THAT(why_not({{"denny", {"tcp"}}}),
              HasSubstr("unknown key 'denny'; there are rules, deny, allow, default, other"));
  EXPECT_THAT(why_not({{"rules", file("default deny\n")}, {"deny", {"tcp"}}}), HasSubstr("either \"rules\" or"));
  EXPECT_EQ(why_not({{"rules", file("default deny\n")}, {"default", "allow"}, {"other", "deny"}}), "started");
  EXPECT_THAT(why_not({{"allow", {"tcp from x"}}}), AllOf(HasSubstr("allow \"tcp from x\""), HasSubstr("'x'")));
}

}  // namespace

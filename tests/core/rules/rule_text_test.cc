// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/rule_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace roost {
namespace {

using testing::HasSubstr;

const RuleNames& names() {
  static const RuleNames all({{"web", 0}, {"voice", 1}}, {{"lan0", 0}, {"wan0", 1}});
  return all;
}

std::string refusal(const std::string& rule) {
  try {
    parse_rule(rule, names());
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(RuleText, EveryFieldComesBackAsItWentIn) {
  for (const std::string text : {"any",
                                 "in=wan0",
                                 "eth_src=02:00:00:00:00:01",
                                 "eth_dst=01:00:00:00:00:00/01:00:00:00:00:00",
                                 "eth_type=0x88cc",
                                 "vlan=7",
                                 "vlan=none",
                                 "vlan=any",
                                 "vlan=7 pcp=5",
                                 "pcp=0",
                                 "ip",
                                 "ipv4",
                                 "ipv6",
                                 "arp",
                                 "tcp",
                                 "ipv6 udp",
                                 "sctp sport=1",
                                 "icmp",
                                 "icmp6 icmp_type=128",
                                 "icmp icmp_type=3 icmp_code=1",
                                 "proto=1 icmp_type=3",
                                 "proto=89",
                                 "src=10.0.0.0/8",
                                 "dst=192.168.0.1",
                                 "src=2001:db8::/32 dst=::1",
                                 "tcp src=10.1.0.0/16 dport=80",
                                 "udp sport=1024-65535 dport=5000-5999",
                                 "dscp=ef",
                                 "dscp=5",
                                 "arp_op=request",
                                 "arp_op=8",
                                 "arp_spa=10.0.0.0/24",
                                 "arp_spa=0.0.0.0/0",
                                 "arp arp_op=reply arp_tpa=10.0.0.7"}) {
    const RuleMatch match = parse_match(text, names());
    EXPECT_EQ(match_text(match, names()), text);
    EXPECT_EQ(parse_match(match_text(match, names()), names()), match) << text;
  }
}

TEST(RuleText, OtherWaysToSayTheSame) {
  const std::pair<const char*, const char*> same[] = {{"proto=tcp", "tcp"},
                                                      {"dport=80 tcp ipv4", "tcp ipv4 dport=80"},
                                                      {"ip src=10.0.0.0/8", "ipv4 src=10.0.0.0/8"},
                                                      {"eth_type=arp", "arp"},
                                                      {"dscp=46", "dscp=ef"},
                                                      {"src=0.0.0.0/0", "ipv4"},
                                                      {"arp_op=2", "arp_op=reply"},
                                                      {"", "any"}};
  for (const auto& [one, other] : same)
    EXPECT_EQ(match_text(parse_match(one, names()), names()), match_text(parse_match(other, names()), names()));
}

TEST(RuleText, WholeRules) {
  const RuleSpec rule = parse_rule("priority=7 tcp chain=voice dport=80 idle=5 hard=60", names());
  EXPECT_EQ(rule.priority, 7U);
  EXPECT_EQ(rule.action, (RuleAction{RuleAction::Kind::chain, 1}));
  EXPECT_EQ(rule.idle_s, 5U);
  EXPECT_EQ(rule.hard_s, 60U);
  EXPECT_EQ(action_text(rule.action, names()), "chain=voice");
  EXPECT_EQ(parse_rule("any drop", names()).priority, kRulePriority);
  EXPECT_EQ(action_text(parse_rule("drop", names()).action, names()), "drop");
  EXPECT_EQ(action_text(parse_rule("in=lan0 port=wan0", names()).action, names()), "port=wan0");
}

TEST(RuleText, WrongOnesAreNamedWithTheRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"tcp dport=80", "add chain=NAME, port=NAME or drop"},
      {"drop chain=web", "'drop' and 'chain=web' are two actions"},
      {"chain=wbe", "there is no chain 'wbe'; did you mean 'web'?"},
      {"chain=mobile-core-7", "use one of: voice, web"},
      {"port=eth7 tcp", "there is no port 'eth7'"},
      {"in=lan1 drop", "did you mean 'lan0'?"},
      {"dprot=80 tcp drop", "'dprot=80' isn't known; did you mean 'dport'?"},
      {"whatever drop", "there are: in, eth_src"},
      {"tcp=1 drop", "'tcp=1': takes no value"},
      {"tcp dport drop", "'dport': a value is missing"},
      {"tcp dport=80 dport=81 drop", "given twice"},
      {"priority=1 priority=2 drop", "given twice"},
      {"priority=70000 drop", "from 0 to 65535"},
      {"priority=-1 drop", "from 0 to 65535"},
      {"idle=1h drop", "not a whole number"},
      {"dport=80 drop", "of which protocol?"},
      {"icmp dport=80 drop", "'icmp' has no ports"},
      {"proto=47 sport=1 drop", "'proto=47' has no ports"},
      {"tcp dport=90-80 drop", "the range is empty"},
      {"tcp dport=80-70000 drop", "from 0 to 65535"},
      {"tcp udp drop", "'tcp' and 'udp' can't both be"},
      {"src=10.0.0.1 dst=::1 drop", "'src=10.0.0.1' and 'dst=::1' can't both be"},
      {"ipv6 icmp drop", "can't both be"},
      {"arp src=10.0.0.1 drop", "'arp' and 'src=10.0.0.1' can't both be"},
      {"eth_type=0x88cc tcp drop", "can't both be"},
      {"arp_op=1 tcp drop", "can't both be"},
      {"eth_type=0x8100 drop", "say 'vlan=any'"},
      {"eth_type=40 drop", "it is a length"},
      {"vlan=none pcp=3 drop", "'vlan=none' and 'pcp=3' can't both be"},
      {"vlan=4096 drop", "0 to 4095"},
      {"pcp=8 drop", "0 to 7"},
      {"src=10.0.0.1/8 drop", "there are bits behind the prefix"},
      {"src=10.0.0.0/33 drop", "from 0 to 32"},
      {"src=2001::/129 drop", "from 0 to 128"},
      {"src=10.0.0 drop", "not an IP address"},
      {"arp_spa=::1 drop", "not an IPv4 address"},
      {"eth_src=02:00:00:00:00 drop", "not a MAC address"},
      {"eth_src=02:00:00:00:00:01/ff:00:00:00:00:00 drop", "bits outside the mask"},
      {"dscp=64 drop", "from 0 to 63"},
      {"icmp_type=8 drop", "of which ICMP?"},
      {"tcp icmp_type=8 drop", "'tcp' has none"},
  };
  for (const auto& [rule, remedy] : cases) EXPECT_THAT(refusal(rule), HasSubstr(remedy)) << rule;
  EXPECT_THAT(refusal(std::string("drop src=10.0.0.1") + '\0' + "x"), HasSubstr("'"));
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// firewall: lets IPv4 packets pass or drops them, by the first rule that fits.
//
// Configuration: {"rules": "FILE"}, or {"deny": [RULE, ...], "allow": [RULE, ...]}, and "default": "allow" or "deny"
// for packets that no rule fits (deny, if not given); "other": likewise for what is not IPv4 (as default, if not
// given). firewall_rules.h says how a rule is written. IPv4 is looked for behind up to two VLAN tags. Fragments behind
// the first have no ports: only rules without ports fit them. Packets whose tags or IPv4 header are damaged are
// dropped.
#include <roost/nf.h>
#include <rte_acl.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>

#include "examples/firewall_rules.h"

namespace {

using firewall::Net, firewall::Rule, firewall::RuleList;

// What rte_acl looks at, in network order.
struct Key {
  uint8_t protocol, pad[3];
  rte_be32_t from, to;
  rte_be16_t from_port, to_port;
};

constexpr uint8_t kWord = sizeof(uint32_t), kHalf = sizeof(uint16_t);
constexpr rte_acl_field_def kFields[] = {{RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(Key, protocol)},
                                         {RTE_ACL_FIELD_TYPE_MASK, kWord, 1, 1, offsetof(Key, from)},
                                         {RTE_ACL_FIELD_TYPE_MASK, kWord, 2, 2, offsetof(Key, to)},
                                         {RTE_ACL_FIELD_TYPE_RANGE, kHalf, 3, 3, offsetof(Key, from_port)},
                                         {RTE_ACL_FIELD_TYPE_RANGE, kHalf, 4, 3, offsetof(Key, to_port)}};
constexpr uint32_t kDeny = 1, kAllow = 2;  // 0: no rule fits
RTE_ACL_RULE_DEF(AclRule, std::size(kFields));

AclRule acl_rule(const Rule& rule, size_t position) {
  AclRule acl{};
  acl.data = {1, static_cast<int32_t>(RTE_ACL_MAX_PRIORITY - position), rule.allow ? kAllow : kDeny};
  acl.field[0].value.u8 = rule.protocol;
  acl.field[0].mask_range.u8 = rule.protocol_mask;
  const Net* const nets[] = {&rule.from, &rule.to};
  for (size_t i = 0; i < 2; ++i) {
    acl.field[1 + i].value.u32 = nets[i]->address;
    acl.field[1 + i].mask_range.u32 = nets[i]->bits;
    acl.field[3 + i].value.u16 = nets[i]->first_port;
    acl.field[3 + i].mask_range.u16 = nets[i]->last_port;
  }
  return acl;
}

// Rules compiled for lookup.
class Acl {
 public:
  explicit Acl(const RuleList& list) {
    static uint32_t made = 0;  // DPDK wants names, and the same name is the same thing to it
    if (list.rules.empty()) return;
    const std::string name = "firewall-" + std::to_string(made++);
    const rte_acl_param parameters{name.c_str(), SOCKET_ID_ANY, RTE_ACL_RULE_SZ(std::size(kFields)),
                                   static_cast<uint32_t>(list.rules.size())};
    acl_.reset(rte_acl_create(&parameters));
    if (acl_ == nullptr) firewall::refuse("firewall: no memory for " + std::to_string(list.rules.size()) + " rules");
    for (size_t i = 0; i < list.rules.size(); ++i) {
      const AclRule rule = acl_rule(list.rules[i], i);
      if (rte_acl_add_rules(acl_.get(), reinterpret_cast<const rte_acl_rule*>(&rule), 1) != 0)
        firewall::refuse("firewall: rule " + std::to_string(i + 1) + " is refused by rte_acl");
    }
    rte_acl_config config{};
    config.num_categories = 1;
    config.num_fields = std::size(kFields);
    std::copy(std::begin(kFields), std::end(kFields), config.defs);
    if (rte_acl_build(acl_.get(), &config) != 0) firewall::refuse("firewall: no memory to compile the rules");
  }

  // results: kAllow, kDeny, or 0 where no rule fits.
  void look_up(const Key* keys, uint32_t* results, uint32_t count) const noexcept {
    std::fill_n(results, count, 0);
    const uint8_t* data[64];
    for (uint32_t i = 0; i < count; ++i) data[i] = reinterpret_cast<const uint8_t*>(&keys[i]);
    if (acl_ != nullptr && count != 0) rte_acl_classify(acl_.get(), data, results, count, 1);
  }

 private:
  struct Free {
    void operator()(rte_acl_ctx* acl) const noexcept { rte_acl_free(acl); }
  };
  std::unique_ptr<rte_acl_ctx, Free> acl_;
};

enum class Frame { ipv4, other, damaged };

bool is_tag(rte_be16_t type) noexcept {
  return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

Frame read_key(const roost::Packet& packet, Key& key) noexcept {
  const auto* ether = packet.header<rte_ether_hdr>();
  if (ether == nullptr) return Frame::other;
  size_t at = sizeof *ether;
  rte_be16_t type = ether->ether_type;
  for (int tag = 0; tag < 2 && is_tag(type); ++tag, at += sizeof(rte_vlan_hdr)) {
    const auto* vlan = packet.header<rte_vlan_hdr>(at);
    if (vlan == nullptr) return Frame::damaged;
    type = vlan->eth_proto;
  }
  if (type != RTE_BE16(RTE_ETHER_TYPE_IPV4)) return Frame::other;
  const auto* ip = packet.header<rte_ipv4_hdr>(at);
  if (ip == nullptr || ip->version_ihl >> 4 != 4 || rte_ipv4_hdr_len(ip) < sizeof *ip) return Frame::damaged;
  key = {ip->next_proto_id, {}, ip->src_addr, ip->dst_addr, 0, 0};
  const bool first = (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0;
  if (!first || !firewall::has_ports(ip->next_proto_id)) return Frame::ipv4;
  const auto* ports = packet.header<rte_be16_t[2]>(at + rte_ipv4_hdr_len(ip));
  if (ports == nullptr) return Frame::damaged;
  key.from_port = (*ports)[0];
  key.to_port = (*ports)[1];
  return Frame::ipv4;
}

class Firewall final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const auto config = nlohmann::json::parse(context.config());
    const RuleList list = firewall::parse_config(config);
    acl_ = std::make_unique<Acl>(list);
    allow_rest_ = list.allow_rest;
    allow_other_ =
        config.contains("other") ? firewall::parse_policy(config.at("other").get<std::string>()) : allow_rest_;
  }

  void process(roost::Burst& burst) noexcept override {
    Key keys[64];
    uint32_t results[64], of[64], count = 0;
    for (uint32_t i = 0; i < burst.size(); ++i) {
      const Frame frame = read_key(burst[i], keys[count]);
      if (frame == Frame::ipv4)
        of[count++] = i;
      else if (frame == Frame::damaged || !allow_other_)
        burst[i].verdict = roost::drop();
    }
    acl_->look_up(keys, results, count);
    for (uint32_t i = 0; i < count; ++i)
      if (results[i] == kDeny || (results[i] == 0 && !allow_rest_)) burst[of[i]].verdict = roost::drop();
  }

 private:
  std::unique_ptr<Acl> acl_;
  bool allow_rest_ = false, allow_other_ = false;
};

}  // namespace

ROOST_NF(Firewall)

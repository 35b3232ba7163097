// SPDX-License-Identifier: BSD-3-Clause
// What a flow's first packet costs: TSC cycles a look-up among rules as access lists have them (IPv4 addresses,
// protocol, ports), in the rule table, in a list looked at rule by rule, and in rte_acl; and what making each of them
// takes. Half of the packets fall under a rule at random, half come from anywhere.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <rte_acl.h>
#include <rte_cycles.h>

#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "core/flow_table.h"
#include "core/rules/flow_classes.h"
#include "core/rules/rule_list.h"
#include "tests/core/rules/random_rules.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

constexpr uint32_t kPackets = 1U << 14, kBurst = 32;
constexpr uint32_t kEalMemoryMb = 4'096;

// As rte_acl wants a packet: the first field one byte, the others in words of four.
struct AclPacket {
  uint8_t protocol;
  uint8_t pad[3];
  uint32_t source, destination;
  uint16_t source_port, destination_port;
};
RTE_ACL_RULE_DEF(AclRule, 5);

uint32_t prefix_of(const uint8_t* mask) {
  uint32_t word;
  std::memcpy(&word, mask, 4);
  return static_cast<uint32_t>(__builtin_popcount(word));
}

struct RuleSet {
  explicit RuleSet(uint32_t count) : random(count) {
    rows = test::rows_of(matches, count, random, [this] {
      for (;;) {  // none that takes a large part of all packets
        const RuleMatch match = random.acl(true);
        if (prefix_of(match.mask.source) + prefix_of(match.mask.destination) >= 16) return match;
      }
    });
    for (uint32_t i = 0; i < kPackets; ++i) {
      PacketFields packet = i % 2 == 0 ? random.packet_anywhere() : random.packet_in(matches[random.below(count)]);
      packet.vlan = packet.dscp = 0;
      packets.push_back(packet);
      AclPacket& flat = acl_packets.emplace_back();
      flat.protocol = packet.protocol;
      std::memcpy(&flat.source, packet.source, 4);
      std::memcpy(&flat.destination, packet.destination, 4);
      flat.source_port = packet.source_port;
      flat.destination_port = packet.destination_port;
    }
  }
  test::RandomRules random;
  std::vector<RuleMatch> matches;
  std::vector<RuleRow> rows;
  std::vector<PacketFields> packets;
  std::vector<AclPacket> acl_packets;
};

RuleSet& rules(uint32_t count) {
  static std::map<uint32_t, std::unique_ptr<RuleSet>> sets;
  auto& set = sets[count];
  if (set == nullptr) set = std::make_unique<RuleSet>(count);
  return *set;
}

uint32_t address_of(const uint8_t* bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, 4);
  return ntohl(word);
}

struct FreeAcl {
  void operator()(rte_acl_ctx* acl) const { rte_acl_free(acl); }
};
using Acl = std::unique_ptr<rte_acl_ctx, FreeAcl>;

// Null: it refused.
Acl make_acl(const RuleSet& set) {
  static int made = 0;
  const std::string name = "acl" + std::to_string(made++);
  rte_acl_param parameters{};
  parameters.name = name.c_str();
  parameters.socket_id = SOCKET_ID_ANY;
  parameters.rule_size = RTE_ACL_RULE_SZ(5);
  parameters.max_rule_num = static_cast<uint32_t>(set.rows.size());
  Acl acl(rte_acl_create(&parameters));
  if (acl == nullptr) return nullptr;
  // rte_acl's priorities are small: rules by rank.
  std::vector<const RuleRow*> order;
  for (const RuleRow& row : set.rows) order.push_back(&row);
  std::sort(order.begin(), order.end(), [](const RuleRow* a, const RuleRow* b) { return a->rank < b->rank; });
  int32_t priority = 1;
  for (const RuleRow* row : order) {
    AclRule rule{};
    rule.data.category_mask = 1;
    rule.data.priority = priority++;
    rule.data.userdata = row->slot;
    const RuleMatch& match = *row->match;
    rule.field[0].value.u8 = match.value.protocol;
    rule.field[0].mask_range.u8 = match.mask.protocol;
    rule.field[1].value.u32 = address_of(match.value.source);
    rule.field[1].mask_range.u32 = prefix_of(match.mask.source);
    rule.field[2].value.u32 = address_of(match.value.destination);
    rule.field[2].mask_range.u32 = prefix_of(match.mask.destination);
    rule.field[3].value.u16 = match.source_ports.first;
    rule.field[3].mask_range.u16 = match.source_ports.last;
    rule.field[4].value.u16 = match.destination_ports.first;
    rule.field[4].mask_range.u16 = match.destination_ports.last;
    if (rte_acl_add_rules(acl.get(), reinterpret_cast<rte_acl_rule*>(&rule), 1) != 0) return nullptr;
  }
  rte_acl_config config{};
  config.num_categories = 1;
  config.num_fields = 5;
  const rte_acl_field_def fields[] = {{RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(AclPacket, protocol)},
                                      {RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(AclPacket, source)},
                                      {RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, offsetof(AclPacket, destination)},
                                      {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, offsetof(AclPacket, source_port)},
                                      {RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, offsetof(AclPacket, destination_port)}};
  std::copy(std::begin(fields), std::end(fields), config.defs);
  if (rte_acl_build(acl.get(), &config) != 0) return nullptr;
  return acl;
}

void per_packet(benchmark::State& state, uint64_t cycles, uint64_t packets) {
  state.counters["cycles/packet"] = static_cast<double>(cycles) / static_cast<double>(packets);
}

void rule_table(benchmark::State& state) {
  const RuleSet& set = rules(static_cast<uint32_t>(state.range(0)));
  const RuleTable table(set.rows);
  uint32_t at = 0, hits = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) hits += table.find(set.packets[at + i]) != kNoRule;
    at = (at + kBurst) % kPackets;
  }
  per_packet(state, rte_rdtsc() - start, state.iterations() * kBurst);
  state.counters["tuples"] = table.tuples();
  state.counters["hits"] = static_cast<double>(hits) / static_cast<double>(state.iterations() * kBurst);
}

void rule_list(benchmark::State& state) {
  const RuleSet& set = rules(static_cast<uint32_t>(state.range(0)));
  const RuleList list(set.rows);
  uint32_t at = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    benchmark::DoNotOptimize(list.find(set.packets[at]));
    at = (at + 1) % kPackets;
  }
  per_packet(state, rte_rdtsc() - start, state.iterations());
}

void acl(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const RuleSet& set = rules(static_cast<uint32_t>(state.range(0)));
  const uint64_t begun = rte_rdtsc();
  const Acl made = make_acl(set);
  const double ms = 1e3 * static_cast<double>(rte_rdtsc() - begun) / static_cast<double>(rte_get_tsc_hz());
  if (made == nullptr) {
    state.SkipWithError("rte_acl does not take these rules");
    return;
  }
  const RuleTable table(set.rows);
  uint32_t at = 0;
  const uint8_t* data[kBurst];
  uint32_t results[kBurst];
  for (uint32_t i = 0; i < 1'000; ++i) {  // both say the same
    data[0] = reinterpret_cast<const uint8_t*>(&set.acl_packets[i]);
    rte_acl_classify(made.get(), data, results, 1, 1);
    if (results[0] != table.find(set.packets[i])) state.SkipWithError("rte_acl and the rule table differ");
  }
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) data[i] = reinterpret_cast<const uint8_t*>(&set.acl_packets[at + i]);
    rte_acl_classify(made.get(), data, results, kBurst, 1);
    benchmark::DoNotOptimize(results);
    at = (at + kBurst) % kPackets;
  }
  per_packet(state, rte_rdtsc() - start, state.iterations() * kBurst);
  state.counters["make_ms"] = ms;
}

void make_rule_table(benchmark::State& state) {
  const RuleSet& set = rules(static_cast<uint32_t>(state.range(0)));
  for (auto _ : state) {
    const RuleTable table(set.rows);
    benchmark::DoNotOptimize(table.tuples());
  }
}

BENCHMARK(rule_table)->ArgName("rules")->Arg(10)->Arg(1'000)->Arg(100'000);
BENCHMARK(rule_list)->ArgName("rules")->Arg(10)->Arg(1'000)->Arg(100'000);
BENCHMARK(acl)->ArgName("rules")->Arg(10)->Arg(1'000)->Arg(100'000)->Iterations(20'000);
BENCHMARK(make_rule_table)->ArgName("rules")->Unit(benchmark::kMillisecond)->Arg(10)->Arg(1'000)->Arg(100'000);

// The fields of a packet beyond its key, and its class: what each packet costs more while rules look at such.
void flow_class(benchmark::State& state) {
  FlowClasses classes(kBeyondVlan | kBeyondDscp);
  std::vector<uint8_t> frames(64 * kBurst);
  for (uint32_t i = 0; i < kBurst; ++i) {
    uint8_t* const frame = &frames[64 * i];
    const uint8_t head[] = {0x81, 0,  0, static_cast<uint8_t>(i % state.range(0)), 8, 0, 0x45, 0, 0, 46, 0, 0, 0,
                            0,    64, 17};
    std::memcpy(frame + 12, head, sizeof head);
  }
  uint32_t sum = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) {
      FlowKey key = flow_key(&frames[64 * i], 64, 0);
      sum += classes.number(fields_of(&frames[64 * i], 64, key));
    }
  }
  per_packet(state, rte_rdtsc() - start, state.iterations() * kBurst);
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(flow_class)->ArgName("vlans")->Arg(1)->Arg(32);

}  // namespace
}  // namespace roost

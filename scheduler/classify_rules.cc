// SPDX-License-Identifier: BSD-3-Clause
// Which rule, where there are any. A flow's first packet finds it, and the flow table answers for the rest; after a
// change of the rules each flow looks again at its next packet, and keeps its NFs if its chain is still the same.
#include "scheduler/data_loop.h"

namespace roost {

void DataLoop::classify_by_rules(Batch& batch) noexcept {
  FlowKey keys[kBurst];
  uint32_t picks[kBurst];  // by these NFs are picked, whatever it is that flows are told apart by
  flow_keys(batch.packets, batch.count, batch.port, keys);
  FlowClasses* const classes = rules_.classes.get();
  for (uint32_t i = 0; classes != nullptr && i < batch.count; ++i) {
    picks[i] = FlowTable::hash(keys[i]);
    const rte_mbuf* const packet = batch.packets[i];
    keys[i].port() = classes->number(fields_of(rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len, keys[i]));
  }
  flows_.find(keys, batch.count, batch.hashes, batch.flows);
  for (uint32_t i = 0; i < batch.count; ++i) {
    const uint32_t pick = classes == nullptr ? batch.hashes[i] : picks[i];
    rte_mbuf* const packet = batch.packets[i];
    DropCause cause = DropCause::no_chain;
    const FlowEntry* const known = batch.flows[i];
    const bool has_way = (known != nullptr && known->epoch == departures_) || decide(batch, i, keys[i], pick, cause);
    FlowEntry& flow = *batch.flows[i];
    batch.hashes[i] = pick;
    flow.last_seen_s = now_s_;
    rules_.counts[flow.rule].add(packet->pkt_len, now_);
    if (has_way && flow.way.path != kNoPath) continue;
    batch.flows[i] = nullptr;
    if (has_way && flow.way.out_port < out_.size()) {
      send_out(packet, batch.stamps[i], flow.way.out_port);
    } else {
      if (has_way) cause = flow.rule == kNoRule ? DropCause::no_chain : DropCause::by_rule;
      refuse(packet, cause);
    }
  }
  if (rules_.table->rules() == 0 && rules_.classes == nullptr && !adopting()) rules_.active = false;
}

// Finds the rule of a flow, and its way: a path; or none, with the port to leave by, or no port: it is dropped. False:
// the chain can't take it now.
bool DataLoop::decide(Batch& batch, uint32_t i, FlowKey& key, uint32_t pick, DropCause& cause) noexcept {
  FlowEntry*& flow = batch.flows[i];
  if (flow == nullptr || static_cast<int32_t>(flow->epoch - rules_.since) < 0) {
    const rte_mbuf* const packet = batch.packets[i];
    const bool classed = rules_.classes != nullptr;
    PacketFields fields = classed || rules_.before != nullptr
                              ? fields_of(rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len, key)
                              : fields_of(key);
    fields.in_port = batch.port;  // the key has the class there
    if (flow == nullptr) {
      const bool nameless = classed && key.port() == FlowClasses::kNone;
      flow = nameless ? unpinned_flow(batch, i) : new_flow(key, batch, i);
    }
    if (flow->epoch == 0 && flow != &batch.unpinned[i] && adopting()) adopt(*flow, key, fields);
    flow->rule = rules_.table->find(fields);
    flow->epoch = rules_.since;  // the rule holds, whatever becomes of the way
    counters_.rule_lookups.add(1);
  }
  RuleAction action;
  if (flow->rule != kNoRule) {
    action = rules_.table->action(flow->rule);
  } else if (const int chain = chain_of_port_[batch.port]; chain >= 0) {
    action = {RuleAction::Kind::chain, static_cast<uint16_t>(chain)};
  }
  if (action.kind == RuleAction::Kind::chain) return route_flow(*flow, pick, action.number, cause);
  if (flow->way.path != kNoPath) paths_.release(flow->way.path);
  flow->way = {};
  flow->way.path = kNoPath;
  flow->way.out_port = action.kind == RuleAction::Kind::port ? action.number : UINT16_MAX;
  flow->epoch = departures_;
  return true;
}

// Whether there may be flows that were told apart otherwise.
bool DataLoop::adopting() noexcept {
  if (rules_.adopts && now_s_ - rules_.adopts_from_s > settings_.get(Setting::flow_idle_s)) rules_.adopts = false;
  return rules_.adopts;
}

// A flow that is new only by what it is told apart by now takes over the NFs that it has. From one that has been looked
// at since, nothing: its number is that of another class today.
void DataLoop::adopt(FlowEntry& flow, FlowKey key, const PacketFields& fields) noexcept {
  key.port() = rules_.before == nullptr ? fields.in_port : rules_.before->find(fields);
  uint32_t hash;
  FlowEntry* was;
  flows_.find(&key, 1, &hash, &was);
  if (was == nullptr || was == &flow || was->way.path == kNoPath) return;
  if (static_cast<int32_t>(was->epoch - rules_.since) >= 0) return;
  flow.way = was->way;
  was->way.path = kNoPath;
  was->epoch = 0;
}

// The departures count up, so that every flow looks again: at its rule where its epoch is before `since`, and at its
// way where it is not the last.
void DataLoop::swap_rules(RuleHandover& rules) noexcept {
  std::swap(rules_.table, rules.table);
  if (rules.new_classes) {
    std::swap(rules_.classes, rules.classes);
    std::swap(rules_.before, rules.classes);
    rules.before = std::move(rules.classes);
    rules_.adopts = true;
    rules_.adopts_from_s = now_s_;
  }
  rules_.active = true;
  rules_.since = ++departures_;
  ++departures_;
}

}  // namespace roost

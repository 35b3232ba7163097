// SPDX-License-Identifier: BSD-3-Clause
// Which flow, which chain, which NFs. The flow table answers for live flows; a new one is decided here once.
#include <array>

#include "scheduler/data_loop.h"

namespace roost {

void DataLoop::classify(Batch& batch) noexcept {
  if (batch.count == 0) return;
  for (uint32_t i = 0; i < batch.count; ++i) __builtin_prefetch(rte_pktmbuf_mtod(batch.packets[i], void*));
  if (rules_.active) [[unlikely]]
    return classify_by_rules(batch);
  FlowKey keys[kBurst];
  flow_keys(batch.packets, batch.count, batch.port, keys);
  flows_.find(keys, batch.count, batch.hashes, batch.flows);
  const int chain = chain_of_port_[batch.port];
  for (uint32_t i = 0; i < batch.count; ++i) {
    FlowEntry*& flow = batch.flows[i];
    if (flow != nullptr && flow->epoch == departures_) {
      flow->last_seen_s = now_s_;
      continue;
    }
    DropCause cause = DropCause::no_chain;
    if (flow == nullptr && chain >= 0) flow = new_flow(keys[i], batch, i);
    if (chain < 0 || !route_flow(*flow, batch.hashes[i], static_cast<uint16_t>(chain), cause)) {
      refuse(batch.packets[i], cause);
      flow = nullptr;
    }
  }
}

// Where the table is full the flow is not pinned: consistent hashing alone decides for it, packet by packet.
FlowEntry* DataLoop::new_flow(const FlowKey& key, Batch& batch, uint32_t i) noexcept {
  counters_.flows_new.add(1);
  if (FlowEntry* flow = flows_.insert(key, batch.hashes[i])) {
    // Two packets of a new flow in one batch: the second finds what the first was given.
    if (flow->epoch == 0) flow->way.path = kNoPath;
    return flow;
  }
  return unpinned_flow(batch, i);
}

FlowEntry* DataLoop::unpinned_flow(Batch& batch, uint32_t i) noexcept {
  counters_.flows_unpinned.add(1);
  FlowEntry& flow = batch.unpinned[i];
  if (flow.used && flow.way.path != kNoPath) paths_.release(flow.way.path);
  flow = {};
  flow.used = 1;
  flow.way.path = kNoPath;
  return &flow;
}

// Finds the flow's path, or finds that the one it has is still whole.
bool DataLoop::route_flow(FlowEntry& flow, uint32_t hash, uint16_t chain, DropCause& cause) noexcept {
  flow.last_seen_s = now_s_;
  const uint16_t now = chains_.definition(chain);
  if (flow.way.path == kNoPath || paths_.chain(flow.way.path) != now || !intact(flow.way.path)) {
    const uint32_t path = find_path(now, hash, flow.way.path, cause);
    if (path == kNoPath) return false;
    if (flow.way.path != kNoPath) paths_.release(flow.way.path);
    flow.way = way_at(path, 0, chains_[now].out_port);
  }
  flow.epoch = departures_;
  return true;
}

Way DataLoop::way_at(uint32_t path, uint8_t hop, uint16_t out_port) const noexcept {
  const uint8_t run = paths_.run(path, hop);
  return {path, paths_.nf(path, hop), out_port, hop, run, uint32_t{hop} + run < paths_.hops(path), {}};
}

bool DataLoop::intact(uint32_t path) noexcept {
  return paths_.intact(path, departures_, [this](uint32_t nf, uint32_t born) { return there(nf, born); });
}

// The NF of that service that a path has, if it is still there: at this hop, or, where the chain has changed since, at
// another.
uint32_t DataLoop::nf_on_path(uint32_t path, uint32_t hop, uint16_t service) const noexcept {
  const uint32_t hops = paths_.hops(path);
  if (hop >= hops || nfs_[paths_.nf(path, hop)].service != service)
    for (hop = 0; hop < hops && nfs_[paths_.nf(path, hop)].service != service;) ++hop;
  return hop < hops && there(paths_.nf(path, hop), paths_.born(path, hop)) ? paths_.nf(path, hop) : kNoNf;
}

// An NF for each service of the chain; of the path to be kept, if any, those that are still there. The same hash picks
// in every service, so that flows that share an NF tend to share the next one too, and bursts stay together.
uint32_t DataLoop::find_path(uint16_t chain, uint32_t hash, uint32_t keep, DropCause& cause) noexcept {
  const auto to_service = static_cast<uint16_t>(chain & ~kToService);
  const auto services = chain & kToService ? std::span(&to_service, 1) : std::span(chains_[chain].services);
  std::array<PathTable::Hop, kHopsMax> hops;
  for (uint32_t i = 0; i < services.size(); ++i) {
    uint32_t nf = keep == kNoPath ? kNoNf : nf_on_path(keep, i, services[i]);
    if (nf == kNoNf) nf = services_[services[i]].members.pick(hash);
    if (nf == ConsistentHash::kNone) {
      cause = DropCause::no_nf;
      return kNoPath;
    }
    hops[i] = {nf, nfs_[nf].host, nfs_[nf].local, nfs_[nf].born};
  }
  const uint32_t path = paths_.intern(chain, {hops.data(), services.size()});
  if (path == kNoPath) cause = DropCause::no_path;
  return path;
}

void DataLoop::forget_idle_flows() noexcept {
  const uint32_t forgotten =
      flows_.sweep(now_s_, static_cast<uint32_t>(settings_.get(Setting::flow_idle_s)),
                   static_cast<uint32_t>(settings_.get(Setting::sweep_rows)) / 16, [this](FlowEntry& flow) {
                     if (flow.way.path != kNoPath) paths_.release(flow.way.path);
                   });
  counters_.flows_idle.add(forgotten);
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/path_table.h"

#include <bit>
#include <utility>

namespace roost {
namespace {

uint64_t mix(uint64_t hash, uint64_t value) noexcept {  // the finaliser of splitmix64 (Steele, Lea, Flood, 2014)
  uint64_t z = hash + value + 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

SharedMemory make_memory(uint32_t units) {
  SharedMemoryOptions options;
  options.name = "roost-paths";
  options.bytes = PathTableView::bytes(units);
  options.writable_by_others = false;
  return SharedMemory::create(options);
}

}  // namespace

PathTable::PathTable(uint32_t units)
    : memory_(make_memory(units)),
      shared_(memory_.data()),
      nfs_(size_t{units} * kPathUnitWords),
      born_(size_t{units} * kPathUnitWords),
      runs_(size_t{units} * kPathUnitWords),
      meta_(units),
      of_chain_(UINT16_MAX + 1),
      buckets_(std::bit_ceil(units)),
      bucket_mask_(std::bit_ceil(units) - 1),
      units_(units) {}

uint32_t PathTable::allocate(uint32_t hops) noexcept {
  const uint32_t units = units_for(hops);
  if (const uint32_t head = free_[units]; head != 0) {
    free_[units] = meta_[head - 1].next;
    return head - 1;
  }
  if (units_ - fresh_ < units) return kNoPath;
  fresh_ += units;
  return fresh_ - units;
}

bool PathTable::same(uint32_t path, uint16_t chain, std::span<const Hop> hops) const noexcept {
  if (meta_[path].chain != chain || meta_[path].hops != hops.size()) return false;
  for (uint32_t i = 0; i < hops.size(); ++i)
    if (nf(path, i) != hops[i].nf || born(path, i) != hops[i].born) return false;
  return true;
}

uint32_t PathTable::intern(uint16_t chain, std::span<const Hop> hops) noexcept {
  uint64_t hash = mix(chain, hops.size());
  for (const Hop& hop : hops) hash = mix(hash, hop.nf);
  uint32_t& bucket = buckets_[hash & bucket_mask_];
  for (uint32_t at = bucket; at != 0; at = meta_[at - 1].next) {
    if (meta_[at - 1].hash != hash || !same(at - 1, chain, hops)) continue;
    if (meta_[at - 1].flows++ == 0) ++paths_;  // back from limbo
    return at - 1;
  }
  const uint32_t path = allocate(static_cast<uint32_t>(hops.size()));
  if (path == kNoPath) return kNoPath;
  uint8_t run = 0;
  for (auto i = static_cast<uint32_t>(hops.size()); i-- > 0;) {
    const bool run_ends = i + 1 == hops.size() || hops[i + 1].host != hops[i].host;
    run = run_ends ? 1 : static_cast<uint8_t>(run + 1);
    nfs_[size_t{path} * kPathUnitWords + i] = hops[i].nf;
    born_[size_t{path} * kPathUnitWords + i] = hops[i].born;
    runs_[size_t{path} * kPathUnitWords + i] = run;
    shared_.set_hop(path, i, {hops[i].local | (run_ends ? PathHop::kRunEnds : 0)});
  }
  meta_[path] = {hash, 1, bucket, 0, chain, static_cast<uint8_t>(hops.size()), false, 0, 0, false};
  bucket = path + 1;
  ++paths_;
  ++of_chain_[chain];
  return path;
}

void PathTable::release(uint32_t path) noexcept {
  Meta& meta = meta_[path];
  if (--meta.flows != 0) return;
  --paths_;
  meta.released = epoch_;
  if (meta.in_limbo) return;  // from an earlier time; it moves on when that is over
  meta.in_limbo = true;
  meta.limbo_next = limbo_[epoch_];
  limbo_[epoch_] = path + 1;
}

void PathTable::forget(uint32_t path) noexcept {
  Meta& meta = meta_[path];
  uint32_t* link = &buckets_[meta.hash & bucket_mask_];
  while (*link != path + 1) link = &meta_[*link - 1].next;
  *link = meta.next;
  --of_chain_[meta.chain];
  uint32_t& free_list = free_[units_for(meta.hops)];
  meta.next = free_list;
  free_list = path + 1;
}

// Four epochs follow each other in turn. The oldest one's slot can be taken for the new one when all its packets are
// back; then the packets of every epoch up to it are, and so the paths that were given up in it are unused, but for
// those that were asked for again since: these are in use, or were given up once more in a later epoch and wait for its
// end.
void PathTable::advance_epoch(uint64_t arrived_elsewhere) noexcept {
  const uint8_t oldest = oldest_epoch();
  if (out_[oldest] != arrived_elsewhere) return;
  for (uint32_t at = std::exchange(limbo_[oldest], 0); at != 0;) {
    const uint32_t path = at - 1;
    Meta& meta = meta_[path];
    at = meta.limbo_next;
    if (meta.flows == 0 && meta.released != oldest) {
      meta.limbo_next = limbo_[meta.released];
      limbo_[meta.released] = path + 1;
      continue;
    }
    meta.in_limbo = false;
    if (meta.flows == 0) forget(path);
  }
  epoch_ = oldest;
  ++epochs_;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles a packet: parsing a frame, and finding its flow, beside rte_hash alone with the hashes given.
// Small pages: with hugepages the large tables cost less.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <vector>

#include "core/flow_table.h"
#include "core/ports/flow_frames.h"
#include "core/ports/flow_picker.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

constexpr uint32_t kBurst = 32;
constexpr uint32_t kEalMemoryMb = 1024;

FlowKey key_of(uint32_t flow) {
  static const FlowFrames frames(FlowIpVersion::k4, 1);
  uint8_t frame[64];
  frames.write(frame, flow, sizeof frame);
  return flow_key(frame, sizeof frame, 0);
}

// The keys of 2^16 packets, uniform over the flows.
std::vector<FlowKey> traffic(uint32_t flows) {
  FlowPicker picker(FlowDistribution::kUniform, flows, 0, 1);
  std::vector<uint32_t> picks(1U << 16);
  picker.pick(picks.data(), static_cast<uint32_t>(picks.size()));
  std::vector<FlowKey> keys;
  for (const uint32_t flow : picks) keys.push_back(key_of(flow));
  return keys;
}

void count_cycles(benchmark::State& state, uint64_t start) {
  state.counters["cycles/packet"] =
      static_cast<double>(rte_rdtsc() - start) / static_cast<double>(state.iterations() * kBurst);
}

void parse(benchmark::State& state) {
  const FlowFrames frames(static_cast<FlowIpVersion>(state.range(0)), 1);
  std::vector<uint8_t> bytes(64 * kBurst);
  for (uint32_t i = 0; i < kBurst; ++i) frames.write(&bytes[64 * i], i, 64);
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) benchmark::DoNotOptimize(flow_key(&bytes[64 * i], 64, 0));
  }
  count_cycles(state, start);
}
BENCHMARK(parse)->ArgName("ip4_ip6_mixed")->DenseRange(0, 2);

void flow_table(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const auto flows = static_cast<uint32_t>(state.range(0));
  FlowTable table(flows, 8);
  for (uint32_t flow = 0; flow < flows; ++flow) table.insert(key_of(flow), FlowTable::hash(key_of(flow)));
  const std::vector<FlowKey> keys = traffic(flows);
  uint32_t at = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    uint32_t hashes[kBurst];
    FlowEntry* entries[kBurst];
    table.find(&keys[at], kBurst, hashes, entries);
    for (FlowEntry* entry : entries) entry->last_seen_s = at;
    at = (at + kBurst) % keys.size();
  }
  count_cycles(state, start);
}

void rte_hash_alone(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const auto flows = static_cast<uint32_t>(state.range(0));
  rte_hash_parameters parameters{};
  parameters.name = "raw";
  parameters.entries = flows * 5 / 4;
  parameters.key_len = sizeof(FlowKey4);
  parameters.hash_func = rte_hash_crc;
  rte_hash* table = rte_hash_create(&parameters);
  for (uint32_t flow = 0; flow < flows; ++flow) {
    const FlowKey key = key_of(flow);
    rte_hash_add_key(table, &key.four);
  }
  const std::vector<FlowKey> keys = traffic(flows);
  std::vector<uint32_t> hashes;
  for (const FlowKey& key : keys) hashes.push_back(FlowTable::hash(key));
  uint32_t at = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    const void* pointers[kBurst];
    for (uint32_t i = 0; i < kBurst; ++i) pointers[i] = &keys[at + i].four;
    int32_t positions[kBurst];
    rte_hash_lookup_with_hash_bulk(table, pointers, &hashes[at], kBurst, positions);
    benchmark::DoNotOptimize(positions);
    at = (at + kBurst) % keys.size();
  }
  count_cycles(state, start);
  rte_hash_free(table);
}

BENCHMARK(rte_hash_alone)->ArgName("flows")->RangeMultiplier(10)->Range(1000, 1'000'000);
BENCHMARK(flow_table)->ArgName("flows")->RangeMultiplier(10)->Range(1000, 1'000'000);

}  // namespace
}  // namespace roost

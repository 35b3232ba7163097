// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles of a pick, by members, with all of them there and with half of them gone; and of add and remove.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include "scheduler/policy/consistent_hash.h"

namespace roost {
namespace {

void pick(benchmark::State& state) {
  const auto members = static_cast<uint32_t>(state.range(0));
  ConsistentHash group;
  for (uint32_t id = 0; id < members; ++id) group.add(id);
  for (uint32_t id = 0; id < members && state.range(1) != 0; id += 2) group.remove(id);
  uint64_t key = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) benchmark::DoNotOptimize(group.pick(key++));
  state.counters["cycles"] = static_cast<double>(rte_rdtsc() - start) / static_cast<double>(key);
}
BENCHMARK(pick)->ArgNames({"members", "half_gone"})->ArgsProduct({{1, 10, 100, 1000, 10000, 100000}, {0, 1}});

void remove_and_add(benchmark::State& state) {
  const auto members = static_cast<uint32_t>(state.range(0));
  ConsistentHash group;
  for (uint32_t id = 0; id < members; ++id) group.add(id);
  uint32_t id = 0;
  for (auto _ : state) {
    group.remove(id);
    group.add(id);
    id = (id + 7919) % members;
  }
}
BENCHMARK(remove_and_add)->ArgName("members")->RangeMultiplier(10)->Range(10, 100000);

}  // namespace
}  // namespace roost

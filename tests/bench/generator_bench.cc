// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles a packet of the generator, made and discarded, beside a port that makes blank frames.
// In memory, no NIC; the pool's cache keeps the packets warm.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "core/port.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

void run(benchmark::State& state, const PortConfig& config) {
  // Without hugepages, DPDK puts one object of more than half a page on each page: all headers then share one set of
  // the first-level cache, and that is what would be measured. Small buffers lie closer, as the manager's do.
  const test::Pool pool(8192, config.generator.imix ? 1600 : 128);
  const auto port = open_port(config, 0, pool.get(), rte_get_tsc_hz());
  constexpr uint16_t kBurst = 32;
  rte_mbuf* packets[kBurst];
  uint64_t stamps[kBurst];
  uint64_t taken = 0;
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) {
    const uint16_t got = port->receive(packets, stamps, kBurst, rte_rdtsc());
    taken += port->transmit(packets, got);
  }
  state.counters["cycles/packet"] = static_cast<double>(rte_rdtsc() - start) / static_cast<double>(taken);
  state.SetItemsProcessed(static_cast<int64_t>(taken));
}

void blank(benchmark::State& state) { run(state, {.name = "n", .null = {.blank = true}}); }

void generator(benchmark::State& state, const GeneratorOptions& options) {
  run(state, {.name = "g", .kind = PortKind::kGenerator, .generator = options});
}

BENCHMARK(blank);
BENCHMARK_CAPTURE(generator, uniform_1k, GeneratorOptions{});
BENCHMARK_CAPTURE(generator, uniform_1M, GeneratorOptions{.flows = 1'000'000});
BENCHMARK_CAPTURE(generator, zipf_1M, GeneratorOptions{.flows = 1'000'000, .distribution = FlowDistribution::kZipf});
BENCHMARK_CAPTURE(generator, ipv6, GeneratorOptions{.ip_version = FlowIpVersion::k6});
BENCHMARK_CAPTURE(generator, mixed, GeneratorOptions{.ip_version = FlowIpVersion::kMixed});
BENCHMARK_CAPTURE(generator, imix, GeneratorOptions{.imix = true});
BENCHMARK_CAPTURE(generator, paced, GeneratorOptions{.rate_pps = 1'000'000'000});

}  // namespace
}  // namespace roost

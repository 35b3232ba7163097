// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles a packet of the data loop's parts: classify (a port without a chain: received, its flow looked up, let
// go), deliver (classified, routed, its ledger row written, into an inbox) and collect (back from an outbox, checked
// against the ledger, sent on). One thread plays the NFs between the turns, and its time does not count; so all of it
// is on one core, and lines that another core would have are not. Beside them their limits: rte_hash alone with the
// keys at hand, and as many cache lines as such a packet has, written by plain stores.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/ports/flow_frames.h"
#include "core/ports/flow_picker.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

constexpr uint32_t kEalMemoryMb = 1'024, kBurst = Batch::kPackets, kFrame = 64, kPackets = 4'096;

// Frames that are written once, of flows at random; what is sent comes in again.
class WarmPort final : public Port {
 public:
  WarmPort(uint16_t index, rte_mempool* pool, uint32_t flows)
      : Port("warm", index), pool_(pool), picker_(FlowDistribution::kUniform, flows, 0, 1) {}
  ~WarmPort() override { rte_pktmbuf_free_bulk(ready_.data(), static_cast<unsigned>(ready_.size())); }

  void fill(uint32_t packets) {
    while (ready_.size() < packets) {
      rte_mbuf* const packet = rte_pktmbuf_alloc(pool_);
      if (packet == nullptr) return;
      uint32_t flow = 0;
      picker_.pick(&flow, 1);
      frames_.write(reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet, kFrame)), flow, kFrame);
      ready_.push_back(packet);
    }
  }
  uint16_t receive(rte_mbuf** packets, uint64_t* stamps, uint16_t count, uint64_t now) noexcept override {
    uint16_t n = 0;
    for (; n < count && at_ < ready_.size(); ++n, ++at_) {
      packets[n] = ready_[at_];
      stamps[n] = now;
    }
    if (at_ == ready_.size()) {
      ready_.clear();
      at_ = 0;
    }
    return n;
  }
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    if (back == nullptr) {
      discard(packets, count);
    } else {
      back->ready_.insert(back->ready_.end(), packets, packets + count);
    }
    return count;
  }
  uint64_t next_receive_tsc() const noexcept override { return 0; }

  WarmPort* back = nullptr;  // where what is sent comes in again; null: it goes back to the pool

 private:
  rte_mempool* pool_;
  FlowPicker picker_;
  FlowFrames frames_{FlowIpVersion::k4, 1};
  std::vector<rte_mbuf*> ready_;
  size_t at_ = 0;
};

// A loop with so many NFs in one host, that this thread plays.
struct Bench {
  Bench(uint32_t nfs, uint32_t flows, bool chain)
      : pool({.name = "bench", .packets = kPackets, .hugepages = Hugepages::never}) {
    LoopOptions options;
    options.tsc_hz = measure_tsc_hz();
    options.flows4_max = 2 * flows;
    options.flows_wide_max = 8;
    std::vector<std::unique_ptr<Port>> ports;
    auto first = std::make_unique<WarmPort>(0, pool.pool(), flows);
    auto last = std::make_unique<WarmPort>(1, pool.pool(), 1);
    in = first.get();
    last->back = in;
    ports.push_back(std::move(first));
    ports.push_back(std::move(last));
    std::vector<ServiceState> services(1);
    std::vector<ChainState> chains{{"chain", {0}, 1}};
    std::vector<int> chain_of_port{chain ? 0 : -1, -1};
    settings.set(Setting::flow_idle_s, 3'600);
    loop = std::make_unique<DataLoop>(options, settings, pool, std::move(ports), std::move(services), std::move(chains),
                                      chain_of_port);
    const uint8_t shift = nfs <= 128 ? 9 : 5;
    host = std::make_unique<test::FakeHost>(0, nfs, shift);
    loop->add_host(host->state());
    loop->add_nfs(0, nfs, 0, 0, 0, shift);
  }
  ~Bench() {
    loop.reset();
    host.reset();
  }

  void serve() const {
    for (auto nfs = host->ready_nfs(); !nfs.empty(); nfs = host->ready_nfs())
      for (const uint32_t nf : nfs)
        for (const Descriptor& d : host->take(nf)) host->answer(d, next().with_hops(1));
  }
  uint64_t timed_turn() const {
    const uint64_t start = rte_rdtsc();
    loop->turn();
    return rte_rdtsc() - start;
  }

  Settings settings;
  PacketPool pool;
  std::unique_ptr<test::FakeHost> host;
  std::unique_ptr<DataLoop> loop;
  WarmPort* in = nullptr;
};

// Of the bursts, the median: whoever else had the core in one of them does not count.
void tell(benchmark::State& state, std::vector<uint64_t>& cycles) {
  std::nth_element(cycles.begin(), cycles.begin() + static_cast<std::ptrdiff_t>(cycles.size() / 2), cycles.end());
  state.counters["cycles/packet"] = static_cast<double>(cycles[cycles.size() / 2]) / kBurst;
}

void classify(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const Bench bench(1, static_cast<uint32_t>(state.range(0)), false);
  std::vector<uint64_t> cycles;
  for (auto _ : state) {
    bench.in->fill(kBurst);
    cycles.push_back(bench.timed_turn());
  }
  tell(state, cycles);
}
BENCHMARK(classify)->ArgName("flows")->Arg(1'000)->Arg(100'000)->Iterations(20'000);

// The two in turn; which of them counts is the caller's to say.
void deliver_or_collect(benchmark::State& state, bool deliver) {
  test::start_eal(kEalMemoryMb);
  const auto nfs = static_cast<uint32_t>(state.range(0)), flows = static_cast<uint32_t>(state.range(1));
  const Bench bench(nfs, flows, true);
  bench.in->fill(kBurst);
  std::vector<uint64_t> delivering, collecting;
  const auto go_round = [&] {
    bench.loop->pause_receiving(false);
    delivering.push_back(bench.timed_turn());
    bench.serve();
    bench.loop->pause_receiving(true);
    collecting.push_back(bench.timed_turn());
  };
  for (uint32_t i = 0; i < 10'000; ++i) go_round();  // flows and paths are made
  delivering.clear();
  collecting.clear();
  for (auto _ : state) go_round();
  tell(state, deliver ? delivering : collecting);
  if (const auto books = bench.loop->books(); !books.balanced() || books.dropped != 0 || books.held != 0)
    state.SkipWithError("packets were lost");
}
void deliver(benchmark::State& state) { deliver_or_collect(state, true); }
void collect(benchmark::State& state) { deliver_or_collect(state, false); }
BENCHMARK(deliver)->ArgNames({"nfs", "flows"})->ArgsProduct({{1, 100, 10'000}, {100'000}})->Iterations(20'000);
BENCHMARK(collect)->ArgNames({"nfs", "flows"})->ArgsProduct({{1, 100, 10'000}, {100'000}})->Iterations(20'000);

// The limit of classify: the flow table with keys at hand.
void limit_flow_lookup(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const auto flows = static_cast<uint32_t>(state.range(0));
  const FlowFrames frames(FlowIpVersion::k4, 1);
  FlowTable table(2 * flows, 8);
  std::vector<FlowKey> keys;
  for (uint32_t flow = 0; flow < flows; ++flow) {
    uint8_t frame[kFrame];
    frames.write(frame, flow, kFrame);
    keys.push_back(flow_key(frame, kFrame, 0));
    table.insert(keys.back(), FlowTable::hash(keys.back()));
  }
  FlowPicker picker(FlowDistribution::kUniform, flows, 0, 1);
  std::vector<uint64_t> cycles;
  for (auto _ : state) {
    uint32_t picks[kBurst], hashes[kBurst];
    FlowKey some[kBurst];
    FlowEntry* found[kBurst];
    picker.pick(picks, kBurst);
    for (uint32_t i = 0; i < kBurst; ++i) some[i] = keys[picks[i]];
    const uint64_t start = rte_rdtsc();
    table.find(some, kBurst, hashes, found);
    cycles.push_back(rte_rdtsc() - start);
    benchmark::DoNotOptimize(found[0]);
  }
  tell(state, cycles);
}
BENCHMARK(limit_flow_lookup)->ArgName("flows")->Arg(1'000)->Arg(100'000)->Iterations(20'000);

// The limit of deliver and of collect: a mbuf, a ledger row, a view and a slot of a ring, a line each, read and
// written.
void limit_four_lines(benchmark::State& state) {
  struct alignas(64) Line {
    uint64_t word[8];
  };
  std::vector<Line> lines[4];
  for (auto& each : lines) each.resize(kPackets);
  uint32_t at = 0;
  std::vector<uint64_t> cycles;
  for (auto _ : state) {
    const uint64_t start = rte_rdtsc();
    for (uint32_t i = 0; i < kBurst; ++i) {
      for (auto& each : lines) each[at].word[0] = each[at].word[1] + 1;
      at = (at + 1) % kPackets;
    }
    benchmark::ClobberMemory();
    cycles.push_back(rte_rdtsc() - start);
  }
  tell(state, cycles);
}
BENCHMARK(limit_four_lines)->Iterations(20'000);

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles a packet from a generator through the data loop and straight out again, by a rule that stands behind as
// many others: what flows that are known cost, and what each costs at the first packet after rules have changed.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <memory>

#include "scheduler/data_loop.h"
#include "scheduler/rule_book.h"
#include "tests/core/rules/random_rules.h"
#include "tests/support/eal.h"

namespace roost {
namespace {

constexpr uint32_t kEalMemoryMb = 2'048;

std::unique_ptr<DataLoop> make_loop(Settings& settings, PacketPool& pool, uint32_t flows) {
  static const uint64_t hz = measure_tsc_hz();
  LoopOptions options;
  options.tsc_hz = hz;
  options.flows4_max = flows;
  options.flows_wide_max = 8;
  PortConfig in, out;
  in.name = "in";
  in.kind = PortKind::kGenerator;
  in.generator.flows = flows;
  out.name = "out";
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(open_port(in, 0, pool.pool(), hz));
  ports.push_back(open_port(out, 1, pool.pool(), hz));
  return std::make_unique<DataLoop>(options, settings, pool, std::move(ports), std::vector<ServiceState>(),
                                    std::vector<ChainState>(), std::vector<int>(2, -1));
}

// `beyond`: a rule looks at VLANs, so that flows are told apart by them.
RuleHandover rules(RuleBook& book, uint32_t count, bool beyond) {
  test::RandomRules random(count);
  RuleBook::Change change;
  change.remove_all = true;
  for (uint32_t i = 0; i + 1 < count; ++i) change.add.push_back({random.acl(true), {}, 2'000});
  // None of them matches; they would drop.
  for (RuleSpec& each : change.add) each.match.value.in_port = each.match.mask.in_port = UINT16_MAX;
  change.add.push_back({{}, {RuleAction::Kind::port, 1}, 1});
  if (beyond) change.add.push_back(parse_rule("priority=3000 vlan=7 drop", {}));
  RuleHandover handover{.table = book.change(std::move(change), 0).table};
  if (beyond) {
    handover.new_classes = true;
    handover.classes = std::make_unique<FlowClasses>(kBeyondVlan);
  }
  return handover;
}

void through_the_loop(benchmark::State& state) {
  test::start_eal(kEalMemoryMb);
  const auto count = static_cast<uint32_t>(state.range(0)), flows = static_cast<uint32_t>(state.range(1));
  PacketPool pool(PacketPoolOptions{.name = "bench", .packets = 4'096, .hugepages = Hugepages::never});
  Settings settings;
  settings.set(Setting::flow_idle_s, 3'600);
  RuleBook book;
  const auto loop = make_loop(settings, pool, flows);
  loop->set_rule_counts(book.counts());
  RuleHandover handover = rules(book, count, state.range(2) != 0);
  loop->swap_rules(handover);
  const auto& received = loop->counters().received;
  // Until most flows have been there, or as many packets as would make it so.
  const uint64_t first = rte_rdtsc();
  while (received.get() < uint64_t{flows} * 4) loop->turn();
  const double warm = static_cast<double>(rte_rdtsc() - first) / static_cast<double>(received.get());
  const uint64_t before = received.get(), lookups = loop->counters().rule_lookups.get();
  const uint64_t start = rte_rdtsc();
  for (auto _ : state) loop->turn();
  const double packets = static_cast<double>(received.get() - before);
  state.counters["cycles/packet"] = static_cast<double>(rte_rdtsc() - start) / packets;
  state.counters["lookups/packet"] = static_cast<double>(loop->counters().rule_lookups.get() - lookups) / packets;
  state.counters["first_round_cycles/packet"] = warm;
}
BENCHMARK(through_the_loop)
    ->ArgNames({"rules", "flows", "beyond"})
    ->ArgsProduct({{1, 10, 1'000, 100'000}, {1'000, 100'000, 1'000'000}, {0}})
    ->ArgsProduct({{1'000}, {1'000, 100'000, 1'000'000}, {1}})
    ->Iterations(30'000);

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What a run policy itself costs for each dispatch: a turn, and the charge for a burst.
#include "scheduler/policy/run_order.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace roost {
namespace {

template <typename Order>
void turns(benchmark::State& state) {
  Order order;
  if constexpr (std::is_same_v<Order, DeficitRoundRobin>) order.set_quantum(25'000);
  std::vector<RunCredit> credits(static_cast<size_t>(state.range(0)));
  uint64_t packets = 0;
  size_t at = 0;
  for (auto _ : state) {
    RunCredit& credit = credits[at];
    if (++at == credits.size()) {
      at = 0;
      order.next_round();
    }
    const uint32_t n = order.turn(credit, 100, 32);
    order.charge(credit, n | 1, 5'000 + (at & 1'023));
    if (!order.goes_on(credit)) order.rests(credit);
    packets += n;
  }
  benchmark::DoNotOptimize(packets);
}
BENCHMARK(turns<RoundRobin>)->Arg(64)->Arg(1'000)->Arg(100'000);
BENCHMARK(turns<DeficitRoundRobin>)->Arg(64)->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The primitives that every packet passes: ring, turns, ledger; beside what the machine itself can do: a store
// and load that stay in the core's cache, and a cache line that goes to another core and back.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/ring.h"
#include "nflib/turn_set.h"
#include "scheduler/ledger.h"

namespace roost {
namespace {

constexpr uint8_t kShift = 12;
constexpr uint32_t kBurst = 32;

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  sched_setaffinity(0, sizeof set, &set);
}

struct Ring {
  alignas(64) std::atomic<uint32_t> consumed{0};
  std::unique_ptr<RingSlot[]> slots{new RingSlot[1u << kShift]()};

  template <typename End>
  End end() {
    End cursor;
    cursor.slots = slots.get();
    cursor.consumed = &consumed;
    cursor.shift = kShift;
    return cursor;
  }
};

// Both ends on one core: what the instructions cost.
void ring_push_and_pop(benchmark::State& state) {
  Ring ring;
  auto in = ring.end<RingProducer>();
  auto out = ring.end<RingConsumer>();
  Descriptor d{1, 128, 64};
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) in.push(d);
    for (uint32_t i = 0; i < kBurst; ++i) benchmark::DoNotOptimize(out.pop(d));
    out.publish();
    if (in.room() < 2 * kBurst) in.refresh();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kBurst);
}
BENCHMARK(ring_push_and_pop);

// There and back between two cores: two rings, `range` descriptors on their way at a time.
void ring_round_trip(benchmark::State& state) {
  const auto burst = static_cast<uint32_t>(state.range(0));
  Ring there, back;
  std::atomic<bool> done{false};
  std::thread other([&] {
    pin_to(1);
    auto in = there.end<RingConsumer>();
    auto out = back.end<RingProducer>();
    for (Descriptor d; !done.load(std::memory_order_relaxed);) {
      if (!in.pop(d)) {
        cpu_pause();
        continue;
      }
      in.publish();
      if (out.room() == 0) out.refresh();
      out.push(d);
    }
  });
  pin_to(0);
  auto out = there.end<RingProducer>();
  auto in = back.end<RingConsumer>();
  Descriptor d{1, 128, 64};
  for (auto _ : state) {
    if (out.room() < burst) out.refresh();
    for (uint32_t i = 0; i < burst; ++i) out.push(d);
    for (uint32_t i = 0; i < burst;) {
      if (in.pop(d))
        ++i;
      else
        cpu_pause();
    }
    in.publish();
  }
  done = true;
  other.join();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * burst);
}
BENCHMARK(ring_round_trip)->Arg(1)->Arg(32)->UseRealTime();

// The limit of a round trip: one word in one cache line, written by each side in turn.
void limit_cache_line_round_trip(benchmark::State& state) {
  alignas(64) std::atomic<uint64_t> there{0};
  alignas(64) std::atomic<uint64_t> back{0};
  std::thread other([&] {
    pin_to(1);
    for (uint64_t seen = 0; seen != UINT64_MAX;) {
      const uint64_t now = there.load(std::memory_order_acquire);
      if (now == seen)
        cpu_pause();
      else
        back.store(seen = now, std::memory_order_release);
    }
  });
  pin_to(0);
  uint64_t turn = 0;
  for (auto _ : state) {
    there.store(++turn, std::memory_order_release);
    while (back.load(std::memory_order_acquire) != turn) cpu_pause();
  }
  there = UINT64_MAX;
  other.join();
}
BENCHMARK(limit_cache_line_round_trip)->UseRealTime();

// `range` NFs, of which 64 at random get packets before they have their turns.
void turns_add_and_take(benchmark::State& state) {
  const auto nfs = static_cast<uint32_t>(state.range(0));
  TurnSet turns(nfs);
  std::vector<bool> in(nfs);
  std::array<uint32_t, 64> taken;
  uint64_t random = 1;
  for (auto _ : state) {
    for (int i = 0; i < 64; ++i) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      const auto nf = static_cast<uint32_t>(((random >> 32) * nfs) >> 32);
      if (!in[nf]) turns.add(nf);
      in[nf] = true;
    }
    while (!turns.empty())
      for (uint32_t count = turns.take(taken.data(), taken.size()); count != 0; --count) in[taken[count - 1]] = false;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 64);
}
BENCHMARK(turns_add_and_take)->Arg(64)->Arg(4'096)->Arg(100'000);

// `range` packets in turn: what fits into the caches, and what does not.
void ledger_give_and_take_back(benchmark::State& state) {
  const auto packets = static_cast<uint32_t>(state.range(0));
  Ledger ledger(packets);
  const Owner host = Owner::host(3, 1);
  uint32_t handle = 0;
  for (auto _ : state) {
    ledger.give(handle, host, Part::head);
    benchmark::DoNotOptimize(ledger.owns(handle, host));
    ledger.take_back(handle);
    handle = handle + 1 == packets ? 0 : handle + 1;
  }
  benchmark::DoNotOptimize(ledger.held());
}
BENCHMARK(ledger_give_and_take_back)->Arg(512)->Arg(32'768);

// The limit of those that stay on one core: a store and a load of what the cache has.
void limit_store_and_load(benchmark::State& state) {
  std::atomic<uint64_t> word{0};
  for (auto _ : state) {
    word.store(word.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(limit_store_and_load);

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// What does it cost to switch to a fiber and back, and how much of that remains when there are many, each on a stack of
// its own? Per there-and-back: the time of one iteration.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "nflib/fiber.h"

namespace {

using roost::Fiber;
using roost::FiberPool;
using roost::switch_to;

constexpr std::size_t kStackBytes = 16 * 1024;

struct Task {
  Fiber* home = nullptr;
  Fiber* fiber = nullptr;
  Fiber* next = nullptr;
};

void bounce(void* argument) {
  const Task& task = *static_cast<Task*>(argument);
  for (;;) switch_to(*task.fiber, *task.home);
}

void pass_on(void* argument) {
  const Task& task = *static_cast<Task*>(argument);
  for (;;) switch_to(*task.fiber, *task.next);
}

std::vector<Task> take_tasks(FiberPool& pool, Fiber& home, std::size_t count, void (*entry)(void*)) {
  std::vector<Task> tasks(count);
  for (Task& task : tasks) task = {&home, pool.take(entry, &task), nullptr};
  return tasks;
}

// The thread's own context to a fiber and back, the fibers in turn.
void ThereAndBack(benchmark::State& state) {
  Fiber home;
  const auto count = static_cast<std::size_t>(state.range(0));
  FiberPool pool(kStackBytes, 0);
  const std::vector<Task> tasks = take_tasks(pool, home, count, &bounce);
  for (const Task& task : tasks) switch_to(home, *task.fiber);
  std::size_t turn = 0;
  for (auto _ : state) {
    switch_to(home, *tasks[turn].fiber);
    if (++turn == count) turn = 0;
  }
}
BENCHMARK(ThereAndBack)->Arg(1)->Arg(100)->Arg(10'000);

// One way, fiber to fiber in a ring; an iteration is a round.
void FiberToFiber(benchmark::State& state) {
  Fiber home;
  const auto count = static_cast<std::size_t>(state.range(0));
  FiberPool pool(kStackBytes, 0);
  std::vector<Task> tasks = take_tasks(pool, home, count, &pass_on);
  for (std::size_t i = 0; i < count; ++i) tasks[i].next = i + 1 < count ? tasks[i + 1].fiber : &home;
  for (auto _ : state) switch_to(home, *tasks.front().fiber);
  state.counters["one_way"] =
      benchmark::Counter(static_cast<double>(count + 1) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(FiberToFiber)->Arg(1)->Arg(100)->Arg(10'000);

// A fiber taken, started and given back: from the spares, and mapped anew.
void TakeAndGiveBack(benchmark::State& state) {
  Fiber home;
  FiberPool pool(kStackBytes, static_cast<std::size_t>(state.range(0)));
  Task task{&home, nullptr, nullptr};
  for (auto _ : state) {
    task.fiber = pool.take(&bounce, &task);
    switch_to(home, *task.fiber);
    pool.give_back(task.fiber);
  }
}
BENCHMARK(TakeAndGiveBack)->ArgName("spares")->Arg(1)->Arg(0);

}  // namespace

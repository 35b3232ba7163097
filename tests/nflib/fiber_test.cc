// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/fiber.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"

namespace {

using roost::Fiber;
using roost::FiberPool;
using roost::switch_to;

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t kManyFibers = 200;  // each is a thread to the sanitizer, which has room for some 8,000
#else
constexpr std::size_t kManyFibers = 10'000;
#endif

constexpr std::size_t kStackBytes = 64 * 1024;

// A fiber and the context that it goes back to.
struct Task {
  Fiber* home = nullptr;
  Fiber* fiber = nullptr;

  void park() { switch_to(*fiber, *home); }
  void resume() { switch_to(*home, *fiber); }
};

class FiberTest : public testing::Test {
 protected:
  void start(Task& task, void (*entry)(void*)) {
    task.home = &home_;
    task.fiber = pool_.take(entry, &task);
  }

  Fiber home_;
  FiberPool pool_{kStackBytes, 16};
};

struct Counting : Task {
  std::uint64_t id = 0;
  std::uint64_t turns = 0;
  bool intact = true;
};

// Keeps state in registers and on the stack over its switches.
void count_turns(void* argument) {
  auto& task = *static_cast<Counting*>(argument);
  std::array<std::uint64_t, 16> local;
  for (std::size_t i = 0; i < local.size(); ++i) local[i] = task.id * 31 + i;
  for (double sum = 0.5;; sum += 1.0) {
    ++task.turns;
    task.park();
    for (std::size_t i = 0; i < local.size(); ++i) task.intact &= local[i] == task.id * 31 + i;
    task.intact &= sum + 0.5 == static_cast<double>(task.turns);
  }
}

TEST_F(FiberTest, ManyTakeTurnsAndKeepTheirState) {
  std::vector<Counting> tasks(kManyFibers);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].id = i;
    start(tasks[i], &count_turns);
  }
  EXPECT_EQ(pool_.taken(), kManyFibers);
  constexpr std::uint64_t kTurns = 20;
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    for (Counting& task : tasks) task.resume();
  }
  for (const Counting& task : tasks) {
    ASSERT_EQ(task.turns, kTurns);
    ASSERT_TRUE(task.intact);
  }
  for (const Counting& task : tasks) pool_.give_back(task.fiber);
  EXPECT_EQ(pool_.taken(), 0u);
  EXPECT_EQ(pool_.spare(), 16u);
}

struct Hop : Task {
  Fiber* next = nullptr;
  std::vector<int>* trace = nullptr;
  int id = 0;
};

void pass_on(void* argument) {
  auto& hop = *static_cast<Hop*>(argument);
  for (;;) {
    hop.trace->push_back(hop.id);
    switch_to(*hop.fiber, *hop.next);
  }
}

TEST_F(FiberTest, FibersSwitchToEachOther) {
  std::vector<int> trace;
  std::array<Hop, 4> hops;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    hops[i].trace = &trace;
    hops[i].id = static_cast<int>(i);
    start(hops[i], &pass_on);
  }
  for (std::size_t i = 0; i < hops.size(); ++i) hops[i].next = i + 1 < hops.size() ? hops[i + 1].fiber : &home_;
  hops[0].resume();
  hops[0].resume();
  EXPECT_EQ(trace, (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
}

// Throws and catches with a switch at each step.
struct Thrower : Task {
  std::string name;
  std::vector<std::string> caught;
  int uncaught_at_rest = -1;
};

void throw_and_catch(void* argument) {
  auto& task = *static_cast<Thrower*>(argument);
  for (int round = 0;; ++round) {
    const std::string text = task.name + std::to_string(round);
    try {
      try {
        task.park();
        throw std::runtime_error(text);
      } catch (const std::exception& error) {
        task.caught.emplace_back(error.what());
        task.park();  // meanwhile others throw, catch and rethrow
        throw;
      }
    } catch (const std::runtime_error& error) {
      task.caught.emplace_back(error.what());
    }
    task.uncaught_at_rest = std::uncaught_exceptions();
    // What current_exception() has to show here is none of the others' either.
    if (std::current_exception() != nullptr) task.caught.emplace_back("somebody else's");
  }
}

TEST_F(FiberTest, EachFiberRethrowsItsOwnException) {
  std::array<Thrower, 3> tasks;
  const std::array names{"a", "b", "c"};
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].name = names[i];
    start(tasks[i], &throw_and_catch);
  }
  // In orders that nest and interleave, from inside a catch of the thread's own too.
  const std::array<std::size_t, 18> order{0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 1, 0, 2, 2, 1, 0, 0, 1};
  try {
    throw std::logic_error("home");
  } catch (const std::exception& error) {
    for (const std::size_t i : order) {
      tasks[i].resume();
      try {
        throw std::domain_error("passing");
      } catch (const std::domain_error&) {
      }
    }
    try {
      throw;
    } catch (const std::exception& again) {
      EXPECT_STREQ(again.what(), "home");
      EXPECT_EQ(&again, &error);
    }
  }
  EXPECT_EQ(std::current_exception(), nullptr);
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  for (const Thrower& task : tasks) {
    ASSERT_GE(task.caught.size(), 4u);
    for (std::size_t i = 0; i < task.caught.size(); ++i) EXPECT_EQ(task.caught[i], task.name + std::to_string(i / 2));
    EXPECT_EQ(task.uncaught_at_rest, 0);
  }
  // To their rest between rounds: a fiber that is destroyed there owns nothing.
  for (Thrower& task : tasks) {
    while (task.caught.size() % 2 != 0) task.resume();
    task.caught = {};
    task.caught.shrink_to_fit();
  }
}

struct Unwinding : Task {
  Thrower* other = nullptr;
  int uncaught_inside = 0;
};

struct SwitchesInDestructor {
  Unwinding& task;
  ~SwitchesInDestructor() {
    task.park();
    task.uncaught_inside = std::uncaught_exceptions();
  }
};

void unwind(void* argument) {
  auto& task = *static_cast<Unwinding*>(argument);
  for (;;) {
    try {
      const SwitchesInDestructor guard{task};
      throw 42;
    } catch (int) {
    }
    task.park();
  }
}

TEST_F(FiberTest, SwitchWhileUnwinding) {
  Unwinding task;
  start(task, &unwind);
  task.resume();
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  EXPECT_THROW(throw std::runtime_error("here"), std::runtime_error);
  task.resume();
  EXPECT_EQ(task.uncaught_inside, 1);
}

TEST_F(FiberTest, StacksAreReusedLastInFirstOut) {
  std::array<Counting, 3> tasks;
  for (Counting& task : tasks) {
    start(task, &count_turns);
    task.resume();
  }
  for (const Counting& task : tasks) pool_.give_back(task.fiber);
  Fiber* const last = tasks[2].fiber;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Counting again;
    again.id = 100 + i;
    start(again, &count_turns);
    EXPECT_EQ(again.fiber, last);
    for (int turn = 0; turn < 3; ++turn) again.resume();
    EXPECT_EQ(again.turns, 3u);
    EXPECT_TRUE(again.intact);
    pool_.give_back(again.fiber);
  }
  pool_.give_back(nullptr);
  EXPECT_EQ(pool_.spare(), 3u);
}

void use_deep_stack(void* argument) {
  auto& task = *static_cast<Counting*>(argument);
  for (;;) {
    std::array<char, kStackBytes - 8 * 1024> deep;
    std::memset(deep.data(), static_cast<int>(task.id), deep.size());
    asm volatile("" : : "r"(deep.data()) : "memory");
    task.park();
    for (const char byte : deep) task.intact &= byte == static_cast<char>(task.id);
    ++task.turns;
  }
}

TEST_F(FiberTest, StacksAreAsDeepAsAskedFor) {
  std::array<Counting, 8> tasks;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].id = i + 1;
    start(tasks[i], &use_deep_stack);
  }
  for (int turn = 0; turn < 3; ++turn) {
    for (Counting& task : tasks) task.resume();
  }
  for (const Counting& task : tasks) {
    EXPECT_TRUE(task.intact);
    EXPECT_EQ(task.turns, 2u);
    EXPECT_GE(task.fiber->stack_bytes(), kStackBytes - 2560);
  }
}

// Parked anywhere, some never started: the pool's end is theirs.
TEST_F(FiberTest, PoolDestroysParkedFibers) {
  Fiber home;
  auto pool = std::make_unique<FiberPool>(FiberPool::kStackBytesMin, 0);
  std::array<Counting, 10> tasks;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].home = &home;
    tasks[i].fiber = pool->take(&count_turns, &tasks[i]);
    if (i % 2 == 0) tasks[i].resume();
  }
  pool->give_back(tasks[4].fiber);
  pool->give_back(tasks[9].fiber);
  pool->give_back(tasks[0].fiber);
  EXPECT_EQ(pool->taken(), 7u);
  EXPECT_EQ(pool->spare(), 0u);
  pool.reset();
}

// A stack that one thread's fibers left is found clean by the next: no stale poison, no race to report.
TEST_F(FiberTest, FiberMovesToAnotherThread) {
  Thrower thrower;
  thrower.name = "moved";
  start(thrower, &throw_and_catch);
  thrower.resume();
  thrower.resume();  // parked inside its catch block
  ASSERT_EQ(thrower.caught.size(), 1u);
  std::thread([&] {
    Fiber there;
    thrower.home = &there;
    try {
      throw std::runtime_error("of the other thread");
    } catch (const std::exception&) {
      thrower.resume();
      try {
        throw;
      } catch (const std::exception& error) {
        EXPECT_STREQ(error.what(), "of the other thread");
      }
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  }).join();
  thrower.home = &home_;
  thrower.resume();
  thrower.resume();
  EXPECT_EQ(thrower.caught, (std::vector<std::string>{"moved0", "moved0", "moved1", "moved1"}));
}

// A thread's Fiber may be made by another thread, as a worker's is.
TEST_F(FiberTest, HomeMadeElsewhere) {
  Counting task;
  start(task, &count_turns);
  std::thread([&] { task.resume(); }).join();
  task.resume();
  EXPECT_EQ(task.turns, 2u);
  EXPECT_TRUE(task.intact);
}

TEST_F(FiberTest, TooSmallAStackIsRefused) { EXPECT_THROW(FiberPool(FiberPool::kStackBytesMin - 1, 0), roost::Error); }

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_F(FiberTest, NoMemoryToMapIsAnError) {
  FiberPool pool(std::size_t{1} << 60, 0);
  EXPECT_THROW(pool.take(&count_turns, nullptr), roost::Error);
  EXPECT_EQ(pool.taken(), 0u);
}

TEST_F(FiberTest, MoreStacksThanGuards) {
  FiberPool pool(FiberPool::kStackBytesMin, 8);
  std::vector<Counting> tasks(40'000);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].id = i;
    tasks[i].home = &home_;
    tasks[i].fiber = pool.take(&count_turns, &tasks[i]);
    tasks[i].resume();
  }
  EXPECT_GT(pool.unguarded(), 0u);
  EXPECT_LT(pool.unguarded(), tasks.size());
  for (Counting& task : tasks) task.resume();
  for (const Counting& task : tasks) ASSERT_TRUE(task.intact);
  // Holes everywhere, then the rest.
  for (std::size_t i = 0; i < tasks.size(); i += 2) pool.give_back(tasks[i].fiber);
  for (std::size_t i = 1; i < tasks.size(); i += 2) pool.give_back(tasks[i].fiber);
  EXPECT_EQ(pool.taken(), 0u);
}

void overflow_stack(void*) {
  volatile char block[256 * 1024];
  for (std::size_t i = sizeof(block); i > 0; --i) block[i - 1] = 1;
  std::abort();
}

using FiberDeathTest = FiberTest;
TEST_F(FiberDeathTest, GuardPageStopsAnOverflow) {
  Task task;
  start(task, &overflow_stack);
  ASSERT_EQ(pool_.unguarded(), 0u);
  EXPECT_EXIT(task.resume(), testing::KilledBySignal(SIGSEGV), "");
}

TEST_F(FiberDeathTest, ExceptionThatLeavesAFiberEndsTheProcess) {
  Task task;
  start(task, [](void*) { throw std::runtime_error("out"); });
  EXPECT_EXIT(task.resume(), testing::KilledBySignal(SIGABRT), "out");
}
#endif

}  // namespace

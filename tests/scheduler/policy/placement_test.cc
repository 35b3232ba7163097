// SPDX-License-Identifier: BSD-3-Clause
// Which worker moves to which core: loads become even and stay so, with no more moves than allowed and none in vain.
#include "scheduler/policy/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace roost {
namespace {

class Placement : public testing::Test {
 protected:
  Placement() { use({}); }

  void use(const PlacementOptions& wanted) {
    options = wanted;
    policy.emplace(wanted);
  }
  void cores_of(std::vector<uint32_t> nodes) {
    for (const uint32_t node : nodes) cores.push_back({.node = node});
  }
  void worker(uint32_t core, double demand) {
    workers.push_back({.id = static_cast<uint32_t>(workers.size()), .core = core, .demand = demand});
  }
  void add_up() {
    for (PlacedCore& core : cores) core.load = core.workers = 0;
    for (const PlacedWorker& each : workers) {
      cores[each.core].load += each.demand;
      ++cores[each.core].workers;
    }
  }
  // One period; as the caller does, from what is measured in it.
  size_t period() {
    add_up();
    const std::vector<PlacedWorker> before = workers;
    const size_t count = policy->decide(cores, workers, ++periods, moves);
    EXPECT_LE(count, options.moves_max);
    for (size_t i = 0; i < count; ++i) {
      const PlacedWorker& moved = workers[moves[i].worker];
      EXPECT_EQ(moved.core, moves[i].to);
      EXPECT_NE(before[moves[i].worker].core, moves[i].to);
      EXPECT_EQ(moved.moved, periods);
      const uint64_t last = before[moves[i].worker].moved;
      EXPECT_TRUE(last == 0 || periods - last >= options.stay_periods) << "moved again after " << periods - last;
    }
    std::vector<double> loads(cores.size());
    for (const PlacedWorker& each : workers) loads[each.core] += each.demand;
    for (size_t i = 0; i < cores.size(); ++i) EXPECT_NEAR(cores[i].load, loads[i], 1e-6);
    total += count;
    return count;
  }
  void periods_of(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) period();
  }
  double apart() {
    add_up();
    const auto [least, most] = std::minmax_element(
        cores.begin(), cores.end(), [](const PlacedCore& a, const PlacedCore& b) { return a.load < b.load; });
    return most->load - least->load;
  }

  PlacementOptions options;
  std::optional<LevelOut> policy;
  std::vector<PlacedCore> cores;
  std::vector<PlacedWorker> workers;
  std::array<PlacementMove, 64> moves{};
  uint64_t periods = 0;
  size_t total = 0;
};

TEST_F(Placement, TheReferenceMovesNobody) {
  cores_of({0, 0});
  worker(0, 1);
  worker(0, 1);
  add_up();
  EXPECT_EQ(StayPut().decide(cores, workers, 1, moves), 0U);
}

TEST_F(Placement, OneOfTwoBusyWorkersGoesToTheIdleCore) {
  cores_of({0, 0});
  worker(0, 1);
  worker(0, 1);
  EXPECT_EQ(period(), 1U);
  EXPECT_EQ(moves[0].to, 1U);
  periods_of(100);
  EXPECT_EQ(total, 1U);
}

TEST_F(Placement, AWorkerThatIsTooMuchForAnyCoreStaysAndTheOthersGo) {
  cores_of({0, 0});
  worker(0, 3);
  worker(0, 0.3);
  worker(0, 0.2);
  periods_of(20);
  EXPECT_EQ(workers[0].core, 0U);
  EXPECT_EQ(workers[1].core, 1U);
  EXPECT_EQ(workers[2].core, 1U);
  EXPECT_EQ(total, 2U);
}

TEST_F(Placement, NobodyMovesForLessThanTheMargin) {
  cores_of({0, 0});
  worker(0, 0.2);
  worker(0, 0.14);
  worker(1, 0.15);
  periods_of(20);
  EXPECT_EQ(total, 0U);
  workers[0].demand = 0.3;  // a difference of 0.29
  periods_of(20);
  EXPECT_EQ(total, 1U);
}

TEST_F(Placement, IdleWorkersStayWhereTheyAre) {
  cores_of({0, 0});
  worker(0, 2);
  for (int i = 0; i < 10; ++i) worker(0, 0);
  periods_of(20);
  EXPECT_EQ(total, 0U);
}

TEST_F(Placement, ManySmallOnesGoAFewAtATime) {
  cores_of({0, 0});
  for (int i = 0; i < 100; ++i) worker(0, 0.02);
  EXPECT_EQ(period(), options.moves_max);
  periods_of(20);
  EXPECT_LE(apart(), options.margin);
  EXPECT_LE(total, 50U);
}

TEST_F(Placement, TheSameNodeComesFirst) {
  cores_of({0, 0, 1, 1});
  worker(0, 0.9);
  worker(0, 0.9);
  EXPECT_EQ(period(), 1U);
  EXPECT_EQ(moves[0].to, 1U);
  periods_of(50);
  EXPECT_EQ(total, 1U);
}

TEST_F(Placement, AnotherNodeOnlyForTwiceTheMargin) {
  cores_of({0, 1});
  worker(0, 0.2);
  worker(0, 0.2);
  periods_of(20);
  EXPECT_EQ(total, 0U);
  workers[0].demand = workers[1].demand = 0.4;
  EXPECT_EQ(period(), 1U);
  EXPECT_EQ(moves[0].to, 1U);
}

TEST_F(Placement, NobodyGoesToACoreThatHasVanished) {
  cores_of({0, 0, 0});
  cores[1].usable = false;
  worker(0, 1);
  worker(0, 1);
  worker(0, 1);
  periods_of(30);
  for (const PlacedWorker& each : workers) EXPECT_NE(each.core, 1U);
  EXPECT_EQ(total, 1U);
}

TEST_F(Placement, WithOneCoreOrNoneThereIsNothingToDo) {
  EXPECT_EQ(period(), 0U);
  cores_of({0});
  worker(0, 5);
  EXPECT_EQ(period(), 0U);
  cores[0].usable = false;
  EXPECT_EQ(period(), 0U);
}

TEST_F(Placement, NoMoreMovesThanThereIsRoomFor) {
  cores_of({0, 0});
  for (int i = 0; i < 10; ++i) worker(0, 0.2);
  add_up();
  EXPECT_EQ(policy->decide(cores, workers, 1, std::span(moves).first(1)), 1U);
}

// Hundreds of cores, demands that are noisy in each period: loads come together, and then nearly nobody moves.
TEST_F(Placement, ConvergesAndThenStaysDespiteNoise) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    cores.clear();
    workers.clear();
    periods = total = 0;
    constexpr uint32_t kCores = 256, kWorkers = 2'560;
    for (uint32_t i = 0; i < kCores; ++i) cores.push_back({.node = i / 64});
    std::vector<double> mean;
    std::uniform_real_distribution<double> sizes(0.01, 0.15), noise(0.8, 1.2);
    for (uint32_t i = 0; i < kWorkers; ++i) {
      mean.push_back(sizes(random));
      worker(static_cast<uint32_t>(random() % (kCores / 4) * 4), mean.back());  // all on a quarter of the cores
    }
    const auto measure = [&] {
      for (uint32_t i = 0; i < kWorkers; ++i) workers[i].demand = mean[i] * noise(random);
    };
    for (int i = 0; i < 400; ++i) {
      measure();
      period();
    }
    EXPECT_LE(apart(), 2 * options.margin) << "seed " << seed;
    const size_t to_converge = total;
    for (int i = 0; i < 600; ++i) {
      measure();
      period();
    }
    EXPECT_LT(to_converge, kWorkers) << "most moved once";
    EXPECT_LT(total - to_converge, 2 * kCores) << "two of a core in a minute, seed " << seed;
  }
}

// Two cores and few workers, where noise counts most: nobody goes to and fro.
TEST_F(Placement, NoPingPongUnderNoise) {
  const auto moves_under_noise = [this](uint64_t seed) {
    std::mt19937_64 random(seed);
    cores.clear();
    workers.clear();
    periods = total = 0;
    cores_of({0, 0});
    std::vector<double> mean;
    std::uniform_real_distribution<double> sizes(0.05, 0.5), noise(0.9, 1.1);
    for (uint32_t i = 0; i < 5; ++i) {
      mean.push_back(sizes(random));
      worker(0, mean.back());
    }
    for (int i = 0; i < 1'000; ++i) {
      for (size_t w = 0; w < workers.size(); ++w) workers[w].demand = mean[w] * noise(random);
      period();
    }
    return total;
  };
  size_t all = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const size_t moved = moves_under_noise(seed);
    EXPECT_LE(moved, 20U) << "one in fifty periods, seed " << seed;
    all += moved;
  }
  EXPECT_LE(all, 50U * 5) << "each of them once or so";
}

TEST_F(Placement, ANewWorkerStartsWhereThereIsLeastLoad) {
  cores_of({0, 0, 0});
  cores[0].load = 0.5;
  cores[1].load = 0.1;
  cores[2].load = 0.3;
  EXPECT_EQ(core_for_new(cores), 1U);
  cores[1].usable = false;
  EXPECT_EQ(core_for_new(cores), 2U);
  cores[0].usable = cores[2].usable = false;
  EXPECT_EQ(core_for_new(cores), kNoCore);
}

TEST_F(Placement, WhereLoadsAreAlikeTheNumberOfWorkersDecides) {
  cores_of({0, 0});
  cores[0] = {.workers = 2, .load = 0.011};
  cores[1] = {.workers = 1, .load = 0.012};
  EXPECT_EQ(core_for_new(cores), 1U);
  cores[1].workers = 2;
  EXPECT_EQ(core_for_new(cores), 0U);
}

TEST_F(Placement, WhoseCoreHasVanishedGoesToOneOfTheSameNodeIfThereIsOne) {
  cores_of({0, 0, 1});
  cores[0].usable = false;
  cores[1].load = 5;
  EXPECT_EQ(core_instead(cores, 0), 1U);
  cores[1].usable = false;
  EXPECT_EQ(core_instead(cores, 0), 2U);
  cores[2].usable = false;
  EXPECT_EQ(core_instead(cores, 0), kNoCore);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/run_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace roost {
namespace {

constexpr uint64_t kQuantum = 20'000;

struct SimulatedNf {
  uint64_t cost;  // cycles a packet
  uint32_t weight = 100;
  uint64_t waiting = UINT64_MAX;  // packets; UINT64_MAX: always some
  uint64_t packets = 0, cycles = 0;
  RunCredit credit{};
};

// A worker in virtual time: goes round its NFs, each turn as the policy says.
template <typename Order>
class Simulation {
 public:
  explicit Simulation(std::vector<SimulatedNf> nfs, Order order = {}) : nfs_(std::move(nfs)), order_(order) {}

  void run(uint64_t cycles, uint32_t most = 32) {
    for (const uint64_t until = now_ + cycles; now_ < until;) {
      order_.next_round();
      for (SimulatedNf& nf : nfs_) turn(nf, most);
      ++now_;  // where nobody has anything
    }
  }
  SimulatedNf& nf(size_t i) { return nfs_[i]; }
  double share(size_t i) const {
    uint64_t all = 0;
    for (const auto& nf : nfs_) all += nf.cycles;
    return static_cast<double>(nfs_[i].cycles) / static_cast<double>(all);
  }
  Order& order() { return order_; }
  uint64_t now() const { return now_; }
  void vary(uint32_t seed) { random_.emplace_back(seed); }

 private:
  void turn(SimulatedNf& nf, uint32_t most) {
    while (nf.waiting != 0) {
      const auto n = static_cast<uint32_t>(std::min<uint64_t>(order_.turn(nf.credit, nf.weight, most), nf.waiting));
      if (n == 0) return;
      uint64_t cost = 0;
      for (uint32_t i = 0; i < n; ++i) cost += cost_of(nf);
      now_ += cost;
      nf.cycles += cost;
      nf.packets += n;
      if (nf.waiting != UINT64_MAX) nf.waiting -= n;
      order_.charge(nf.credit, n, cost);
      if (nf.waiting == 0) order_.rests(nf.credit);
      if (nf.waiting == 0 || !order_.goes_on(nf.credit)) return;
    }
  }
  uint64_t cost_of(const SimulatedNf& nf) {
    if (random_.empty()) return nf.cost;
    return std::uniform_int_distribution<uint64_t>(nf.cost / 2, nf.cost * 3 / 2)(random_[0]);
  }

  std::vector<SimulatedNf> nfs_;
  Order order_;
  uint64_t now_ = 0;
  std::vector<std::mt19937> random_;
};

DeficitRoundRobin drr(uint64_t quantum = kQuantum) {
  DeficitRoundRobin order;
  order.set_quantum(quantum);
  return order;
}

TEST(RoundRobin, SharesTurnsAndNotCycles) {
  Simulation<RoundRobin> simulation({{50}, {5'000}});
  simulation.run(10'000'000);
  EXPECT_NEAR(simulation.share(0), 50.0 / 5'050, 0.001);
  EXPECT_EQ(simulation.nf(0).packets, simulation.nf(1).packets);
}

TEST(DeficitRoundRobin, EqualCyclesForUnequalCosts) {
  for (const bool varies : {false, true}) {
    Simulation<DeficitRoundRobin> simulation({{50}, {250}, {1'000}, {5'000}}, drr());
    if (varies) simulation.vary(7);
    simulation.run(100'000'000);
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(simulation.share(i), 0.25, 0.002) << i;
  }
}

TEST(DeficitRoundRobin, CyclesFollowWeights) {
  Simulation<DeficitRoundRobin> simulation({{5'000, 100}, {50, 200}, {700, 400}}, drr());
  simulation.run(100'000'000);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(simulation.share(i), (1 << i) / 7.0, 0.003) << i;
}

TEST(DeficitRoundRobin, AtTheEndsOfTheRange) {
  Simulation<DeficitRoundRobin> simulation({{300, 1}, {300, 1'000}}, drr());
  simulation.run(1'000'000'000);
  EXPECT_NEAR(simulation.share(0), 1.0 / 1'001, 0.0002);
}

// A packet may cost many quanta: its NF waits until it has them, and nobody loses by it.
TEST(DeficitRoundRobin, APacketThatCostsManyQuanta) {
  Simulation<DeficitRoundRobin> simulation({{50 * kQuantum}, {100}}, drr());
  simulation.run(400'000'000);
  EXPECT_NEAR(simulation.share(0), 0.5, 0.02);
}

TEST(DeficitRoundRobin, WhereNobodyCanAffordAPacketRoundsAreSkipped) {
  Simulation<DeficitRoundRobin> simulation({{1'000 * kQuantum}, {800 * kQuantum}}, drr());
  uint64_t rounds = 0;
  DeficitRoundRobin& order = simulation.order();
  for (; simulation.nf(0).packets + simulation.nf(1).packets < 100; ++rounds) simulation.run(1);
  EXPECT_LT(rounds, 400U) << "of some 90,000 that were paid";
  EXPECT_GT(order.round(), 10'000U);
  EXPECT_NEAR(simulation.share(0), 0.5, 0.03);
}

TEST(DeficitRoundRobin, WhoHasNothingSavesNothing) {
  Simulation<DeficitRoundRobin> simulation({{100, 100, 0}, {100}}, drr());
  simulation.run(10'000'000);
  simulation.nf(0).waiting = UINT64_MAX;
  const uint64_t other = simulation.nf(1).cycles;
  simulation.run(20 * kQuantum);
  EXPECT_NEAR(static_cast<double>(simulation.nf(0).cycles), 10.0 * kQuantum, 1.5 * kQuantum);
  EXPECT_NEAR(static_cast<double>(simulation.nf(1).cycles - other), 10.0 * kQuantum, 1.5 * kQuantum);
}

TEST(DeficitRoundRobin, NobodyWaitsLongerThanTheOthersQuanta) {
  std::vector<SimulatedNf> nfs(40, {500});
  nfs[0] = {50, 100, 0};
  Simulation<DeficitRoundRobin> simulation(nfs, drr());
  simulation.run(20'000'000);
  for (int i = 0; i < 50; ++i) {
    simulation.nf(0).waiting = 1;
    const uint64_t before = simulation.now();
    simulation.run(1);  // a round
    EXPECT_EQ(simulation.nf(0).waiting, 0U) << i;
    EXPECT_LE(simulation.now() - before, 40 * (kQuantum + 500));
  }
}

TEST(DeficitRoundRobin, BurstsFollowTheMeasuredCost) {
  DeficitRoundRobin order = drr();
  RunCredit credit;
  EXPECT_EQ(order.turn(credit, 100, 32), 1U) << "not known yet: one packet tells";
  order.charge(credit, 1, 5'000);
  EXPECT_EQ(credit.cost(), 5'000U);
  EXPECT_EQ(order.turn(credit, 100, 32), 3U);
  order.charge(credit, 3, 15'000);
  EXPECT_FALSE(order.goes_on(credit));
  EXPECT_EQ(order.turn(credit, 100, 32), 0U) << "the same round";
  order.next_round();
  EXPECT_EQ(order.turn(credit, 100, 32), 4U);
  EXPECT_EQ(order.turn(credit, 100, 2), 2U);
  EXPECT_EQ(order.turn(credit, 100, 2), 2U) << "paid out once a round";
}

TEST(DeficitRoundRobin, TheCostFollowsTheNf) {
  DeficitRoundRobin order = drr();
  RunCredit credit;
  order.charge(credit, 10, 1'000);
  EXPECT_EQ(credit.cost(), 100U);
  for (int i = 0; i < 60; ++i) order.charge(credit, 10, 30'000);
  EXPECT_NEAR(static_cast<double>(credit.cost()), 3'000, 30);
  for (int i = 0; i < 100; ++i) order.charge(credit, 10, 100);
  EXPECT_NEAR(static_cast<double>(credit.cost()), 10, 2);
  order.charge(credit, 0, 7);  // a part of a burst: no packet is done
  EXPECT_NEAR(static_cast<double>(credit.cost()), 10, 2);
}

// Work that others' packets bring is charged, too, and debts are paid back while the NF is in no round.
TEST(DeficitRoundRobin, DebtsStayAndArePaidBackRoundByRound) {
  DeficitRoundRobin order = drr();
  RunCredit credit, other;
  order.turn(credit, 100, 32);
  order.charge(credit, 1, 5 * kQuantum);  // of one quantum
  order.rests(credit);
  int rounds = 0;
  do {
    order.next_round();
    order.charge(other, 1, 10);  // others run
  } while (order.turn(credit, 100, 1) == 0 && ++rounds < 100);
  EXPECT_NEAR(rounds, 9, 1) << "four quanta of debt, and five for a packet";
}

TEST(DeficitRoundRobin, BearsWhatNoMeasurementShouldGive) {
  DeficitRoundRobin order = drr(UINT32_MAX);
  RunCredit credit;
  order.turn(credit, 1'000, 64);
  order.charge(credit, 1, uint64_t{1} << 50);
  for (int i = 0; i < 100; ++i) order.next_round();
  EXPECT_EQ(order.turn(credit, 1, 64), 0U);
  order.next_round();
  EXPECT_GT(order.turn(credit, 1, 64) + order.turn(credit, 1'000, 64), 0U) << "rounds were skipped";
  DeficitRoundRobin none;  // no quantum: the least there is
  RunCredit fresh;
  EXPECT_EQ(none.turn(fresh, 1, 64), 1U);
}

}  // namespace
}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Who runs next inside a worker, and with how many packets. A worker goes round its NFs that have packets, and asks at
// each one's turn. A policy is a class with these functions, all of which the worker inlines:
//
//   next_round()                      the worker begins another round
//   turn(credit, weight, most)        how many packets the NF may take now; 0: it waits for the next round
//   charge(credit, packets, cycles)   what the NF has spent; its turn need not be the cause
//   goes_on(credit)                   after a burst behind which more waits: it has another in the same turn
//   rests(credit)                     it has no packets left
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

enum class RunPolicy : uint8_t { round_robin, drr };

// What is remembered of one NF. Zeroed: it has not run yet.
struct RunCredit {
  int64_t cycles = 0;    // that it may spend; below nought: it has spent more than its turns gave
  uint32_t round = 0;    // up to which it has got its quanta
  uint32_t cost_16 = 0;  // a packet's cycles, smoothed, in sixteenths; 0: not known

  uint64_t cost() const noexcept { return (uint64_t{cost_16} + 15) / 16; }
};

// The reference: one burst each, whatever it costs.
class RoundRobin {
 public:
  void next_round() noexcept {}
  uint32_t turn(RunCredit&, uint32_t, uint32_t most) noexcept { return most; }
  void charge(RunCredit&, uint32_t, uint64_t) noexcept {}
  bool goes_on(const RunCredit&) const noexcept { return false; }
  void rests(RunCredit&) noexcept {}
};

// Deficit round robin (Shreedhar and Varghese, 1996) in cycles: each round gives an NF a quantum in proportion to its
// weight, and it spends what its packets cost. What a packet will cost is an estimate; what it did cost is charged, so
// that over several rounds the shares are exact. An NF that has packets keeps what it has not spent; one that has none
// keeps only its debts.
//
// Quanta are paid out when somebody asks, for all rounds since the last time, so that an NF can be in debt without
// being in the round: by packets that others' runs brought it.
class DeficitRoundRobin {
 public:
  static constexpr uint32_t kWeightStandard = 100;  // gets just the quantum

  void set_quantum(uint64_t cycles) noexcept { quantum_ = cycles; }

  // Where nobody could afford a packet in the whole round, rounds are skipped until somebody can.
  void next_round() noexcept {
    round_ += served_ || rounds_short_ == UINT32_MAX ? 1 : std::max(rounds_short_, 1u);
    served_ = false;
    rounds_short_ = UINT32_MAX;
  }

  uint32_t turn(RunCredit& credit, uint32_t weight, uint32_t most) noexcept {
    const int64_t quantum = quantum_of(weight);
    pay(credit, quantum);
    const auto cost = static_cast<int64_t>(credit.cost());
    if (credit.cycles > 0 && cost == 0) return 1;  // which tells
    if (credit.cycles >= cost * most) [[likely]]
      return credit.cycles > 0 ? most : short_of(quantum, 1 - credit.cycles);
    if (credit.cycles >= cost && credit.cycles > 0) return static_cast<uint32_t>(credit.cycles / cost);
    return short_of(quantum, std::max<int64_t>(cost, 1) - credit.cycles);
  }

  void charge(RunCredit& credit, uint32_t packets, uint64_t cycles) noexcept {
    served_ = true;
    credit.cycles -= static_cast<int64_t>(cycles);
    if (packets == 0) return;
    const auto all = static_cast<uint32_t>(std::min(cycles, kCostMost) * 16);
    const auto sample = static_cast<int64_t>(packets == 1 ? all : all / packets);  // a division takes as long as a hop
    const int64_t before = credit.cost_16 == 0 ? sample : credit.cost_16;
    credit.cost_16 = static_cast<uint32_t>(std::max<int64_t>(before + (sample - before) / kSmoothing, 1));
  }

  bool goes_on(const RunCredit& credit) const noexcept {
    return credit.cycles > 0 && credit.cycles >= static_cast<int64_t>(credit.cost());
  }

  void rests(RunCredit& credit) noexcept { credit.cycles = std::min<int64_t>(credit.cycles, 0); }

  uint32_t round() const noexcept { return round_; }

 private:
  static constexpr uint64_t kCostMost = UINT32_MAX / 16;
  static constexpr int64_t kSmoothing = 8;
  static constexpr uint32_t kRoundsMost = 1 << 30;  // at a time; the product with a quantum stays in 64 bits

  int64_t quantum_of(uint32_t weight) const noexcept {
    return std::max<int64_t>(static_cast<int64_t>(quantum_ * weight / kWeightStandard), 1);
  }

  // No more than one quantum and one packet at once: who comes back after a while has not saved up.
  void pay(RunCredit& credit, int64_t quantum) const noexcept {
    const uint32_t rounds = round_ - credit.round;
    if (rounds == 0) return;
    credit.round = round_;
    credit.cycles = std::min(credit.cycles + quantum * static_cast<int64_t>(std::min(rounds, kRoundsMost)),
                             quantum + static_cast<int64_t>(credit.cost()));
  }

  uint32_t short_of(int64_t quantum, int64_t cycles) noexcept {
    const int64_t rounds = (cycles + quantum - 1) / quantum;
    rounds_short_ = static_cast<uint32_t>(std::min<int64_t>(rounds_short_, rounds));
    return 0;
  }

  uint64_t quantum_ = 1;
  uint32_t round_ = 1;
  uint32_t rounds_short_ = UINT32_MAX;  // the fewest after which one of those that were refused can go on
  bool served_ = false;                 // somebody ran in this round
};

}  // namespace roost

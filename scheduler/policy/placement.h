// SPDX-License-Identifier: BSD-3-Clause
// On which shared core a worker lives: where it starts, and when it moves. Two ways: nobody ever moves (the reference),
// or loads are levelled out.
//
// A worker's demand is the part of a core that it could fill: arrivals x cost (share.h), more than 1 where a core is
// not enough. A core's load is the sum of its workers' demands. Both are measured, so both are noisy, and a move is not
// free (caches, the kernel's own move); hence what keeps workers from going to and fro:
//   margin   nobody moves before two cores differ by more than this in load (by twice this on two NUMA nodes). After a
//            move the core that was left is still ahead, or else it was relieved by a margin and more, and the other
//            is ahead by half of one at most: to bring anybody back, loads have to change by half a margin, and near
//            balance by a whole one
//   stay     who has moved stays for some periods
//   most     so many moves a period
// Moves within a NUMA node come first: a worker's memory stays where it was.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace roost {

inline constexpr uint32_t kNoCore = UINT32_MAX;

struct PlacedCore {
  uint32_t node = 0;     // NUMA, below kPlacementNodes
  uint32_t workers = 0;  // that live there
  double load = 0;       // the sum of their demands
  bool usable = true;    // false: it has vanished
};

// The cores as of the last period, and the mean demand of workers that had packets in it.
struct Placing {
  std::vector<PlacedCore> cores;
  double demand = 0;
};

struct PlacedWorker {
  uint32_t id = 0;  // for the caller to know it by
  uint32_t core = 0;
  double demand = 0;   // of a core
  uint64_t moved = 0;  // the period of its last move, counted from 1; 0: never
};

struct PlacementMove {
  uint32_t worker = 0;  // its id
  uint32_t to = 0;
};

inline constexpr uint32_t kPlacementNodes = 64;
inline constexpr double kDemandLeast = 0.001;  // who wants less than this of a core is as good as idle

struct PlacementOptions {
  double margin = 0.25;        // of a core
  uint32_t stay_periods = 10;  // at least
  uint32_t moves_max = 8;      // a period
};

// The reference.
struct StayPut {
  size_t decide(std::span<PlacedCore>, std::span<PlacedWorker>, uint64_t, std::span<PlacementMove>) const noexcept {
    return 0;
  }
};

class LevelOut {
 public:
  explicit LevelOut(const PlacementOptions& options) noexcept : options_(options) {}

  // The moves of this period, into `moves`; returns how many. Cores and workers are as after them. Looks at each core,
  // and where loads are uneven at each worker, once for each move.
  size_t decide(std::span<PlacedCore> cores, std::span<PlacedWorker> workers, uint64_t period,
                std::span<PlacementMove> moves) const noexcept;

 private:
  struct Best {
    PlacedWorker* worker = nullptr;
    uint32_t to = kNoCore;
    double gain = 0;
  };
  Best best_move(std::span<const PlacedCore> cores, std::span<PlacedWorker> workers, uint64_t period) const noexcept;

  const PlacementOptions options_;
};

// Where a new worker starts: the least loaded core that is usable; small differences in load count for nothing, then
// the number of workers decides. kNoCore: none is usable.
uint32_t core_for_new(std::span<const PlacedCore> cores) noexcept;

// Where a worker of a core that has vanished goes: as a new one, but on the same node if there is a core left.
uint32_t core_instead(std::span<const PlacedCore> cores, uint32_t vanished) noexcept;

}  // namespace roost

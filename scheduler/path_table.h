// SPDX-License-Identifier: BSD-3-Clause
// The manager's side of the paths: each sequence of NFs that flows visit is stored once, counted by its flows, and its
// place is used again only when no packet that was sent along it is still out. Until then a path that no flow uses any
// more waits in limbo, where it is found again if one asks for it: so a packet that is kept for long costs places for
// different paths, not for the same one over and over. One data loop owns it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/lazy_array.h"
#include "core/path.h"
#include "core/shared_memory.h"

namespace roost {

inline constexpr uint32_t kNoPath = UINT32_MAX;

class PathTable {
 public:
  struct Hop {
    uint32_t nf;  // the manager's number
    uint32_t host;
    uint32_t local;  // the NF's number in its host
    uint32_t born;   // numbers are used again: which of the NFs that have had this one
  };

  explicit PathTable(uint32_t units);

  const SharedMemory& memory() const noexcept { return memory_; }

  // The path of these hops (1 to kHopsMax), made if it is new, and counted for one more flow. kNoPath: the table is
  // full.
  uint32_t intern(uint16_t chain, std::span<const Hop> hops) noexcept;
  void release(uint32_t path) noexcept;  // one flow fewer

  uint16_t chain(uint32_t path) const noexcept { return meta_[path].chain; }
  uint32_t hops(uint32_t path) const noexcept { return meta_[path].hops; }
  uint32_t nf(uint32_t path, uint32_t hop) const noexcept { return nfs_[size_t{path} * kPathUnitWords + hop]; }
  uint32_t born(uint32_t path, uint32_t hop) const noexcept { return born_[size_t{path} * kPathUnitWords + hop]; }
  // How many hops from this one on lie in the same host, this one counted.
  uint8_t run(uint32_t path, uint32_t hop) const noexcept { return runs_[size_t{path} * kPathUnitWords + hop]; }

  // Packets on their way: each is counted in the epoch in which it was delivered.
  uint8_t depart() noexcept {
    ++out_[epoch_];
    return epoch_;
  }
  void arrive(uint8_t epoch) noexcept { --out_[epoch & 3]; }
  // A packet that goes further along the same path stays in its epoch: the path may have been given up since.
  void depart_again(uint8_t epoch) noexcept { ++out_[epoch & 3]; }
  uint8_t epoch() const noexcept { return epoch_; }
  // Whether all its NFs are there, asked again only after NFs have gone. `there` says it of one NF
  // and when it was born.
  template <typename There>
  bool intact(uint32_t path, uint32_t departures, There&& there) noexcept {
    Meta& meta = meta_[path];
    if (meta.checked != departures) {
      meta.checked = departures;
      meta.intact = true;
      for (uint32_t hop = 0; hop < meta.hops && meta.intact; ++hop) meta.intact = there(nf(path, hop), born(path, hop));
    }
    return meta.intact;
  }

  // Now and then: paths that nobody uses since the packets of their time have come back are free again. Packets of the
  // oldest epoch that have gone on at another loop are back, too: so many, ever.
  void advance_epoch(uint64_t arrived_elsewhere = 0) noexcept;
  uint8_t oldest_epoch() const noexcept { return (epoch_ + 1) & 3; }

  // Every packet that was out when this was at n is back when it has reached n + 4.
  uint64_t epochs() const noexcept { return epochs_; }

  uint32_t paths() const noexcept { return paths_; }  // that flows use
  // Of this chain, that flows use or packets may still be on.
  uint32_t paths_of(uint16_t chain) const noexcept { return of_chain_[chain]; }

 private:
  struct Meta {
    uint64_t hash;
    uint32_t flows;
    uint32_t next;     // in its bucket or in a free list: unit + 1
    uint32_t checked;  // the count of departures at which `intact` was found
    uint16_t chain;
    uint8_t hops;
    bool intact;
    uint32_t limbo_next;  // unit + 1
    uint8_t released;     // the epoch of the last release
    bool in_limbo;        // in a list there, that of an epoch in which it was once released
  };
  static_assert(sizeof(Meta) == 32);

  uint32_t allocate(uint32_t hops) noexcept;
  void forget(uint32_t path) noexcept;
  bool same(uint32_t path, uint16_t chain, std::span<const Hop> hops) const noexcept;
  static uint32_t units_for(uint32_t hops) noexcept { return (hops + kPathUnitWords - 1) / kPathUnitWords; }

  SharedMemory memory_;
  PathTableView shared_;
  LazyArray<uint32_t> nfs_;
  LazyArray<uint32_t> born_;
  LazyArray<uint8_t> runs_;
  LazyArray<Meta> meta_;
  LazyArray<uint32_t> of_chain_;
  LazyArray<uint32_t> buckets_;  // unit + 1
  uint32_t bucket_mask_;
  uint32_t units_, fresh_ = 0, paths_ = 0;
  std::array<uint32_t, kHopsMax / kPathUnitWords + 1> free_{};  // by length in units: unit + 1
  std::array<uint32_t, 4> limbo_{};                             // by epoch: unit + 1
  std::array<uint64_t, 4> out_{};
  uint8_t epoch_ = 0;
  uint64_t epochs_ = 0;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Paths: the NFs that the packets of a flow visit, hop by hop. The manager writes the table; hosts map it read-only and
// take by themselves the hops of a run, that is of consecutive NFs of their own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace roost {

inline constexpr uint32_t kHopsMax = 64;
inline constexpr uint32_t kPathUnitWords = 16;  // a path takes as many 64-byte units as it needs
inline constexpr uint32_t kPathUnitsMax = 1u << 26;

// What the inbox descriptor's word says: the path's first unit, and the hop that this delivery starts at.
struct PathRef {
  uint32_t word = 0;
  static constexpr PathRef at(uint32_t unit, uint32_t hop) noexcept { return {unit << 6 | hop}; }
  constexpr uint32_t unit() const noexcept { return word >> 6; }
  constexpr uint32_t hop() const noexcept { return word & 63; }
};

// The next delivery on a packet's way: kept with its flow, and copied whole for each of its packets.
struct alignas(16) Way {
  uint32_t path;      // first unit
  uint32_t nf;        // the manager's number
  uint16_t out_port;  // where the chain ends
  uint8_t hop;        // of the path
  uint8_t granted;    // hops that this delivery allows
  bool goes_on;       // the path has hops behind the granted ones
  uint8_t reserved[3];
};
static_assert(sizeof(Way) == 16);

// A hop of the shared table: the NF's number in its host, and whether the run ends behind it.
struct PathHop {
  static constexpr uint32_t kRunEnds = 1u << 31;
  uint32_t word = kRunEnds;
  constexpr uint32_t nf() const noexcept { return word & ~kRunEnds; }
  constexpr bool run_ends() const noexcept { return (word & kRunEnds) != 0; }
};

// The shared table, as both sides address it.
class PathTableView {
 public:
  PathTableView() = default;
  explicit PathTableView(void* memory) noexcept : words_(static_cast<std::atomic<uint32_t>*>(memory)) {}
  static constexpr size_t bytes(uint32_t units) noexcept { return size_t{units} * kPathUnitWords * sizeof(uint32_t); }

  PathHop hop(uint32_t unit, uint32_t hop) const noexcept {
    return {words_[size_t{unit} * kPathUnitWords + hop].load(std::memory_order_relaxed)};
  }
  void set_hop(uint32_t unit, uint32_t hop, PathHop value) noexcept {
    words_[size_t{unit} * kPathUnitWords + hop].store(value.word, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint32_t>* words_ = nullptr;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The table of live flows: what was decided for each, found again for its next packets, in bulk.
//
// Two rte_hash tables (IPv4, and wide keys) of fixed size, whose positions index one array of entries. One thread
// owns a table. Construction allocates all memory; nothing after it allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/flow_key.h"
#include "core/path.h"

struct rte_hash;

namespace roost {

struct FlowEntry {
  Way way;
  uint32_t epoch;        // the owner's: when the decision was last found valid
  uint32_t last_seen_s;  // the owner keeps it; sweep() looks at it
  uint32_t hash;         // of the key; the table's from here on
  uint32_t used : 1;
  uint32_t rule : 31;  // the owner's: what the flow falls under, as of the epoch
};
static_assert(sizeof(FlowEntry) == 32);

class FlowTable {
 public:
  static constexpr uint32_t kBurstMax = 64;
  static constexpr uint32_t kRowsMax = 1U << 24;

  // How many flows each kind of key has room for (8 at least). Throws Error: out of range, or memory doesn't suffice.
  // Needs EAL.
  FlowTable(uint32_t rows4, uint32_t rows_wide);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  // CRC32c of the key: the tables' own hash, and a fair start for others.
  static uint32_t hash(const FlowKey& key) noexcept;

  // Finds up to kBurstMax keys: hashes[i], and entries[i] or nullptr where there is no such flow. Entries are being
  // prefetched on return. They stay valid until erased.
  void find(const FlowKey* keys, uint32_t count, uint32_t* hashes, FlowEntry** entries) noexcept;

  // The key's entry: a new one is all zeros but for its hash; one that is there already is returned as it is.
  // nullptr: full. `hash` is the key's.
  FlowEntry* insert(const FlowKey& key, uint32_t hash) noexcept;

  void erase(FlowEntry* entry) noexcept;

  // Goes on from where it last stopped over `rows_max` rows at most, and erases the flows that were last seen more
  // than idle_s before now_s, each after forget(FlowEntry&). Returns how many.
  template <typename Forget>
  uint32_t sweep(uint32_t now_s, uint32_t idle_s, uint32_t rows_max, Forget&& forget) noexcept {
    uint32_t erased = 0;
    const uint32_t visits = rows_max < rows() ? rows_max : rows();
    for (uint32_t i = 0; i < visits; ++i) {
      FlowEntry& entry = entries_[sweep_row_];
      sweep_row_ = sweep_row_ + 1 == rows() ? 0 : sweep_row_ + 1;
      // Signed: a flow seen in the second that has just begun elsewhere isn't four billion seconds old.
      if (!entry.used || static_cast<int32_t>(now_s - entry.last_seen_s) <= static_cast<int32_t>(idle_s)) continue;
      forget(entry);
      erase(&entry);
      ++erased;
    }
    return erased;
  }

  uint32_t size4() const noexcept { return size4_; }
  uint32_t size_wide() const noexcept { return size_wide_; }
  uint32_t rows() const noexcept { return rows4_ + rows_wide_; }

 private:
  struct Free {
    void operator()(rte_hash* table) const noexcept;
    void operator()(FlowEntry* entries) const noexcept;
  };
  using Table = std::unique_ptr<rte_hash, Free>;

  static Table make_table(const std::string& name, uint32_t rows, uint32_t key_bytes);
  void find_in(const rte_hash* table, uint32_t base, const void** keys, uint32_t* hashes, const uint8_t* places,
               uint32_t count, FlowEntry** entries) noexcept;

  const uint32_t rows4_;
  const uint32_t rows_wide_;
  Table table4_;
  Table table_wide_;
  std::unique_ptr<FlowEntry[], Free> entries_;  // of table4_ first, then of table_wide_
  uint32_t size4_ = 0;
  uint32_t size_wide_ = 0;
  uint32_t sweep_row_ = 0;
};

}  // namespace roost

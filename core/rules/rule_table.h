// SPDX-License-Identifier: BSD-3-Clause
// The rules in force, to find the one that a packet falls under: tuple space search (Srinivasan, Suri, Varghese 1999).
//
// Rules that look at the same bits make a tuple, one hash table; a packet is looked up in each. Two things keep that
// short. Tuples come by the best rank in them, and the search ends where no later one can beat what was found. And a
// tuple that wants addresses of some prefix length is passed over where no rule has a prefix of that length around the
// packet's address. A table is made whole by the control thread and never changed: the data loop is handed another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/rules/match.h"
#include "core/rules/prefix_index.h"

namespace roost {

inline constexpr uint32_t kNoRule = 0;  // slots begin at 1
inline constexpr uint32_t kRulesMax = 1U << 20;
inline constexpr uint32_t kTuplesMax = 4'096;  // what a lookup may cost is bounded by it

struct RuleRow {
  const RuleMatch* match;  // only while the table is made
  uint64_t rank;           // of two that match the higher wins; no two are equal
  uint32_t slot;           // what it is called, 1 to kRulesMax
  RuleAction action;
};

class RuleTable {
 public:
  // Throws Error: rules that look at more than kTuplesMax different sets of bits.
  explicit RuleTable(std::span<const RuleRow> rows);

  // The slot of the rule that the packet falls under, or kNoRule. Packet code.
  uint32_t find(const PacketFields& fields) const noexcept;
  RuleAction action(uint32_t slot) const noexcept { return actions_[slot]; }

  // A rule of a higher rank that matches all that this one does, so that this one is never reached. (One that takes
  // several to be covered is not found out, but where they divide its port ranges.)
  std::optional<uint32_t> shadow_of(const RuleMatch& match, uint64_t rank) const;

  uint32_t beyond() const noexcept { return beyond_; }  // the fields beyond the flow key that rules look at
  uint32_t rules() const noexcept { return rules_; }
  uint32_t tuples() const noexcept { return static_cast<uint32_t>(tuples_.size()); }

 private:
  using Words = PacketFields::Words;
  // What the search looks at of a tuple it passes over.
  struct Step {
    uint64_t best_rank;
    uint64_t source_length, destination_length;  // bits of PrefixIndex; 0: none wanted
    uint32_t tuple;
  };
  struct Tuple {
    Words mask;
    uint8_t used[kFieldWords];  // the words that have a bit in the mask
    uint32_t words;
    uint32_t place_mask;
    uint32_t first_place;
  };
  struct Place {
    uint32_t hash;
    uint32_t node;  // + 1; 0: free
  };
  // Nodes lie in words_: rank, slot, and the words of the value that the mask has bits in.
  static constexpr uint32_t kNodeHeader = 2;

  struct Draft;
  void add_tuple(const Words& mask, std::vector<const Draft*>& drafts);
  // The node of the tuple that has this value, as its place in words_; 0: none (a sentinel is there).
  uint32_t look_up(const Tuple& tuple, const Words& value) const noexcept;

  std::vector<Step> steps_;  // by best rank, falling
  std::vector<Tuple> tuples_;
  std::vector<Place> places_;
  std::vector<uint64_t> words_;
  std::vector<RuleAction> actions_;  // by slot
  PrefixIndex sources_, destinations_;
  uint32_t beyond_ = 0;
  uint32_t rules_;
};

}  // namespace roost

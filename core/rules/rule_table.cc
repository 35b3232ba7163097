// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/rule_table.h"

#include <rte_hash_crc.h>

#include <algorithm>
#include <bit>
#include <map>

#include "core/error.h"
#include "core/rules/port_halves.h"
#include "core/rules/port_pieces.h"

namespace roost {
namespace {

using Words = PacketFields::Words;

uint64_t source_of(const Words& words) noexcept {
  return PrefixIndex::address_of(reinterpret_cast<const uint8_t*>(words.data()) + offsetof(PacketFields, source));
}
uint64_t destination_of(const Words& words) noexcept {
  return PrefixIndex::address_of(reinterpret_cast<const uint8_t*>(words.data()) + offsetof(PacketFields, destination));
}

}  // namespace

struct RuleTable::Draft {
  Words value;
  uint64_t rank;
  uint32_t slot;
};

RuleTable::RuleTable(std::span<const RuleRow> rows) : actions_(1), rules_(static_cast<uint32_t>(rows.size())) {
  std::map<Words, std::vector<Draft>> by_mask;
  std::vector<PrefixIndex::Prefix> sources, destinations;
  for (const RuleRow& row : rows) {
    if (row.slot >= actions_.size()) actions_.resize(std::max<size_t>(row.slot + 1, actions_.size() * 2));
    actions_[row.slot] = row.action;
    beyond_ |= beyond_key(row.match->mask);
    sources.push_back(
        {source_of(row.match->value.words()), PrefixIndex::length_of(source_of(row.match->mask.words()))});
    destinations.push_back(
        {destination_of(row.match->value.words()), PrefixIndex::length_of(destination_of(row.match->mask.words()))});
    for (const MaskedWords& piece : pieces_of(*row.match))
      by_mask[piece.mask].push_back({piece.value, row.rank, row.slot});
  }
  if (by_mask.size() > kTuplesMax)
    fail(
        "rules look at {} different sets of bits (fields and prefix lengths); {} is the most; use fewer prefix lengths "
        "and port ranges",
        by_mask.size(), kTuplesMax);
  sources_ = PrefixIndex(std::move(sources));
  destinations_ = PrefixIndex(std::move(destinations));
  for (auto& [mask, drafts] : by_mask) {
    std::vector<const Draft*> order;
    for (const Draft& draft : drafts) order.push_back(&draft);
    add_tuple(mask, order);
  }
  std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.best_rank > b.best_rank; });
}

void RuleTable::add_tuple(const Words& mask, std::vector<const Draft*>& drafts) {
  std::sort(drafts.begin(), drafts.end(), [](const Draft* a, const Draft* b) { return a->rank > b->rank; });
  Tuple tuple{};
  tuple.mask = mask;
  for (uint8_t word = 0; word < kFieldWords; ++word)
    if (mask[word] != 0) tuple.used[tuple.words++] = word;
  const auto places = static_cast<uint32_t>(std::bit_ceil(2 * drafts.size()));
  tuple.place_mask = places - 1;
  tuple.first_place = static_cast<uint32_t>(places_.size());
  places_.resize(places_.size() + places);
  for (const Draft* draft : drafts) {
    uint32_t hash = 0;
    for (uint32_t i = 0; i < tuple.words; ++i) hash = rte_hash_crc_8byte(draft->value[tuple.used[i]], hash);
    for (uint32_t at = hash;; ++at) {
      Place& place = places_[tuple.first_place + (at & tuple.place_mask)];
      if (place.node == 0) {
        if (words_.size() > UINT32_MAX - 16) fail("rules: more than fit into one table");
        place = {hash, static_cast<uint32_t>(words_.size()) + 1};
        words_.insert(words_.end(), {draft->rank, draft->slot});
        for (uint32_t i = 0; i < tuple.words; ++i) words_.push_back(draft->value[tuple.used[i]]);
        break;
      }
      const uint64_t* there = &words_[place.node - 1 + kNodeHeader];
      bool same = place.hash == hash;
      for (uint32_t i = 0; same && i < tuple.words; ++i) same = there[i] == draft->value[tuple.used[i]];
      if (same) break;  // one of a higher rank has this value
    }
  }
  steps_.push_back({drafts.front()->rank, PrefixIndex::bit_of(PrefixIndex::length_of(source_of(mask))),
                    PrefixIndex::bit_of(PrefixIndex::length_of(destination_of(mask))),
                    static_cast<uint32_t>(tuples_.size())});
  tuples_.push_back(tuple);
}

inline uint32_t RuleTable::look_up(const Tuple& tuple, const Words& value) const noexcept {
  uint64_t masked[kFieldWords];
  uint32_t hash = 0;
  for (uint32_t i = 0; i < tuple.words; ++i) {
    masked[i] = value[tuple.used[i]] & tuple.mask[tuple.used[i]];
    hash = rte_hash_crc_8byte(masked[i], hash);
  }
  const Place* const places = &places_[tuple.first_place];
  // At most half of the places are taken.
  for (uint32_t at = hash;; ++at) {
    const Place& place = places[at & tuple.place_mask];
    if (place.node == 0) return 0;
    if (place.hash != hash) continue;
    const uint64_t* there = &words_[place.node - 1 + kNodeHeader];
    bool same = true;
    for (uint32_t i = 0; i < tuple.words; ++i) same &= there[i] == masked[i];
    if (same) return place.node;
  }
}

uint32_t RuleTable::find(const PacketFields& fields) const noexcept {
  Words words = fields.words();
  PortHalves::add_to(words, fields);
  const uint64_t sources = sources_.lengths(source_of(words));
  const uint64_t destinations = destinations_.lengths(destination_of(words));
  uint64_t best_rank = 0;
  uint32_t best = kNoRule;
  for (const Step& step : steps_) {
    if (step.best_rank < best_rank) break;
    if ((step.source_length & ~sources) != 0 || (step.destination_length & ~destinations) != 0) continue;
    const uint32_t node = look_up(tuples_[step.tuple], words);
    if (node == 0 || words_[node - 1] < best_rank) continue;
    best_rank = words_[node - 1];
    best = static_cast<uint32_t>(words_[node]);
  }
  return best;
}

std::optional<uint32_t> RuleTable::shadow_of(const RuleMatch& match, uint64_t rank) const {
  std::optional<uint32_t> shadow;
  for (const MaskedWords& piece : port_pieces(match, true)) {
    std::optional<uint32_t> over;
    for (const Step& step : steps_) {
      if (step.best_rank <= rank) break;
      const Tuple& tuple = tuples_[step.tuple];
      bool looks_at_no_more = true;
      for (uint32_t i = 0; i < kFieldWords; ++i) looks_at_no_more &= (tuple.mask[i] & ~piece.mask[i]) == 0;
      if (!looks_at_no_more) continue;
      const uint32_t node = look_up(tuple, piece.value);
      if (node == 0 || words_[node - 1] <= rank) continue;
      over = static_cast<uint32_t>(words_[node]);
      break;
    }
    if (!over) return std::nullopt;
    if (!shadow) shadow = over;
  }
  return shadow;
}

}  // namespace roost

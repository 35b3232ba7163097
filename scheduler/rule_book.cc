// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/rule_book.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace roost {
namespace {

constexpr size_t kFew = 16;  // new rules, each of which is held against all others; more are looked up in the table

}  // namespace

RuleBook::RuleBook(uint32_t loops) {
  for (uint32_t loop = 0; loop < loops; ++loop) counts_.emplace_back(kRulesMax + 1);
}

RuleTotal RuleBook::count(uint32_t slot) const noexcept {
  RuleTotal total;
  for (const auto& counts : counts_) {
    total.hits += counts[slot].hits.load(std::memory_order_relaxed);
    total.bytes += counts[slot].bytes.load(std::memory_order_relaxed);
    total.last_tsc = std::max(total.last_tsc, counts[slot].last_tsc.load(std::memory_order_relaxed));
  }
  return total;
}

const RuleBook::Rule* RuleBook::find(uint32_t id) const {
  const auto rank = ranks_.find(id);
  return rank == ranks_.end() ? nullptr : &rules_.at(rank->second);
}

RuleBook::Rules::const_iterator RuleBook::after(uint32_t id) const {
  const auto rank = ranks_.find(id);
  if (rank == ranks_.end()) fail("rule {}: there is none; 'roost rule list' shows those that there are", id);
  return rules_.upper_bound(rank->second);
}

uint32_t RuleBook::names_chain(uint16_t chain) const {
  const RuleAction action{RuleAction::Kind::chain, chain};
  return static_cast<uint32_t>(
      std::count_if(rules_.begin(), rules_.end(), [&](const auto& each) { return each.second.spec.action == action; }));
}

// Rules that go, into `gone`.
void RuleBook::take_out(const Change& change, Rules& gone) {
  if (change.remove_all) {
    gone.swap(rules_);
    ranks_.clear();
    return;
  }
  for (const uint32_t id : change.remove)
    if (ranks_.find(id) == ranks_.end())
      fail("rule {}: there is none; nothing was changed; 'roost rule list' shows those that there are", id);
  for (const uint32_t id : change.remove) {
    const auto rank = ranks_.find(id);
    if (rank == ranks_.end()) continue;  // named twice
    gone.insert(rules_.extract(rank->second));
    ranks_.erase(rank);
  }
}

// New rules get slots that no rule has. Those of rules that go meanwhile are used again only by later changes: the loop
// still counts there.
void RuleBook::insert(std::vector<RuleSpec>& specs, uint64_t now_ms) {
  for (RuleSpec& spec : specs) {
    uint32_t slot = static_cast<uint32_t>(ids_.size());
    if (free_slots_.empty()) {
      ids_.push_back(0);
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
      for (auto& counts : counts_) counts[slot].clear();
    }
    const Rule rule{next_id_++, slot, now_ms, std::move(spec)};
    ids_[slot] = rule.id;
    ranks_[rule.id] = rank_of(rule);
    rules_.emplace(rank_of(rule), rule);
  }
}

std::shared_ptr<const RuleTable> RuleBook::make_table() const {
  std::vector<RuleRow> rows;
  rows.reserve(rules_.size());
  for (const auto& [rank, rule] : rules_) rows.push_back({&rule.spec.match, rank, rule.slot, rule.spec.action});
  return std::make_shared<const RuleTable>(rows);
}

RuleBook::Changed RuleBook::change(Change change, uint64_t now_ms) {
  const size_t stay = change.remove_all ? 0 : rules_.size() - std::min(rules_.size(), change.remove.size());
  // Slots: with the ones that become free only afterwards.
  if (stay + change.add.size() > kRulesMax || rules_.size() + change.add.size() > kRulesMax)
    fail("{} rules and {} more: {} is the most; nothing was changed", rules_.size(), change.add.size(), kRulesMax);
  if (change.add.size() > std::numeric_limits<uint32_t>::max() - next_id_)
    fail("rules have used up their numbers; restart the manager");
  Changed changed;
  changed.first = next_id_;
  Rules gone;
  take_out(change, gone);
  insert(change.add, now_ms);
  try {
    changed.table = make_table();
  } catch (...) {
    while (next_id_ != changed.first) {
      const uint64_t rank = ranks_.extract(--next_id_).mapped();
      free_slots_.push_back(rules_.extract(rank).mapped().slot);
    }
    for (const auto& [rank, rule] : gone) ranks_[rule.id] = rank;
    rules_.merge(gone);
    throw;
  }
  changed.removed = static_cast<uint32_t>(gone.size());
  for (const auto& [rank, rule] : gone) {
    forget_due(rule);
    free_slots_.push_back(rule.slot);
  }
  for (uint32_t id = changed.first; id != next_id_; ++id) set_due(*find(id), now_ms);
  const auto before = std::exchange(table_, changed.table);
  changed.shadows = new_shadows(*table_, changed.first);
  std::erase_if(changed.shadows, [&](const Shadow& shadow) {  // not news
    const Rule& rule = *find(shadow.rule);
    return rule.id < changed.first && before->shadow_of(rule.spec.match, rank_of(rule)).has_value();
  });
  return changed;
}

// Of the rules that are not reached now, those that are new, and those that a new one covers.
std::vector<RuleBook::Shadow> RuleBook::new_shadows(const RuleTable& table, uint32_t first) const {
  std::vector<Shadow> shadows;
  const bool few = next_id_ - first <= kFew;
  for (const auto& [rank, rule] : rules_) {
    if (few && rule.id < first) continue;
    const auto by = table.shadow_of(rule.spec.match, rank);
    if (by && (rule.id >= first || ids_[*by] >= first)) shadows.push_back({rule.id, ids_[*by]});
  }
  if (!few) return shadows;
  for (uint32_t id = first; id != next_id_; ++id) {
    const Rule& wide = *find(id);
    for (auto it = rules_.upper_bound(rank_of(wide)); it != rules_.end(); ++it)
      if (it->second.id < first && covers(wide.spec.match, it->second.spec.match))
        shadows.push_back({it->second.id, id});
  }
  return shadows;
}

std::optional<uint32_t> RuleBook::shadowed_by(const Rule& rule) const {
  const auto by = table_->shadow_of(rule.spec.match, rank_of(rule));
  return by ? std::optional(ids_[*by]) : std::nullopt;
}

void RuleBook::forget_due(const Rule& rule) {
  if (const auto due = due_of_.find(rule.id); due != due_of_.end()) {
    due_.erase({due->second, rule.id});
    due_of_.erase(due);
  }
}

void RuleBook::set_due(const Rule& rule, uint64_t last_ms) {
  forget_due(rule);
  uint64_t due = std::numeric_limits<uint64_t>::max();
  if (rule.spec.idle_s != 0) due = last_ms + 1'000 * uint64_t{rule.spec.idle_s};
  if (rule.spec.hard_s != 0) due = std::min(due, rule.added_ms + 1'000 * uint64_t{rule.spec.hard_s});
  if (due == std::numeric_limits<uint64_t>::max()) return;
  due_.insert({due, rule.id});
  due_of_[rule.id] = due;
}

std::optional<uint64_t> RuleBook::due_ms() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

std::vector<std::pair<uint32_t, RuleBook::End>> RuleBook::ended(uint64_t now_ms, uint64_t now_tsc, uint64_t tsc_hz) {
  std::vector<std::pair<uint32_t, End>> all;
  std::vector<std::pair<const Rule*, uint64_t>> not_yet;
  for (const auto& [due, id] : due_) {
    if (due > now_ms) break;
    const Rule& rule = *find(id);
    if (rule.spec.hard_s != 0 && rule.added_ms + 1'000 * uint64_t{rule.spec.hard_s} <= now_ms) {
      all.emplace_back(id, End::hard);
      continue;
    }
    uint64_t last_ms = rule.added_ms;
    if (const uint64_t last_tsc = count(rule.slot).last_tsc; last_tsc != 0) {
      const double ago_s = static_cast<double>(now_tsc - std::min(now_tsc, last_tsc)) / static_cast<double>(tsc_hz);
      last_ms = std::max(last_ms, now_ms - std::min(now_ms, static_cast<uint64_t>(ago_s * 1e3)));
    }
    if (last_ms + 1'000 * uint64_t{rule.spec.idle_s} <= now_ms) {
      all.emplace_back(id, End::idle);
    } else {
      not_yet.emplace_back(&rule, last_ms);
    }
  }
  for (const auto& [rule, last_ms] : not_yet) set_due(*rule, last_ms);
  return all;
}

}  // namespace roost

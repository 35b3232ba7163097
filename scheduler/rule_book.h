// SPDX-License-Identifier: BSD-3-Clause
// All rules, as the control thread has them: their numbers and slots, when they end, and which are in the way of
// others. Nothing but a record: whoever changes it hands the table that comes of it to the data loop, before the next
// change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/lazy_array.h"
#include "core/rules/rule_count.h"
#include "core/rules/rule_table.h"
#include "core/rules/rule_text.h"

namespace roost {

class RuleBook {
 public:
  struct Rule {
    uint32_t id;
    uint32_t slot;
    uint64_t added_ms;
    RuleSpec spec;
  };
  // By rank, the order in which they are looked at: priority, then age.
  using Rules = std::map<uint64_t, Rule, std::greater<>>;

  struct Change {
    std::vector<RuleSpec> add{};
    std::vector<uint32_t> remove{};
    bool remove_all = false;
  };
  struct Shadow {
    uint32_t rule, by;  // ids
  };
  struct Changed {
    std::shared_ptr<const RuleTable> table;
    uint32_t first = 0;  // id of the first new one
    uint32_t removed = 0;
    std::vector<Shadow> shadows{};  // that were not there before
  };

  explicit RuleBook(uint32_t loops = 1);  // that count, each by itself

  // All of it, or, where it throws Error, nothing.
  Changed change(Change change, uint64_t now_ms);

  const Rules& rules() const noexcept { return rules_; }
  const Rule* find(uint32_t id) const;
  // The first rule behind this one; throws Error where there is none of that number.
  Rules::const_iterator after(uint32_t id) const;
  std::optional<uint32_t> shadowed_by(const Rule& rule) const;
  RuleTotal count(uint32_t slot) const noexcept;  // of slot 0: what no rule matched
  RuleCount* counts(uint32_t loop = 0) noexcept { return &counts_[loop][0]; }
  // How many rules name this chain, so that it must not go.
  uint32_t names_chain(uint16_t chain) const;

  // When to look for rules that have to end; nothing: none has to.
  std::optional<uint64_t> due_ms() const;
  enum class End : uint8_t { idle, hard };
  // Those that have to end now.
  std::vector<std::pair<uint32_t, End>> ended(uint64_t now_ms, uint64_t now_tsc, uint64_t tsc_hz);

 private:
  static uint64_t rank_of(const Rule& rule) noexcept {
    return uint64_t{rule.spec.priority + 1} << 32 | (UINT32_MAX - rule.id);
  }
  std::vector<Shadow> new_shadows(const RuleTable& table, uint32_t first) const;
  void insert(std::vector<RuleSpec>& specs, uint64_t now_ms);
  void take_out(const Change& change, Rules& gone);
  std::shared_ptr<const RuleTable> make_table() const;
  void forget_due(const Rule& rule);
  void set_due(const Rule& rule, uint64_t last_ms);

  std::vector<LazyArray<RuleCount>> counts_;  // by loop
  Rules rules_;
  std::unordered_map<uint32_t, uint64_t> ranks_;  // by id
  std::vector<uint32_t> ids_{0};                  // by slot
  std::vector<uint32_t> free_slots_;
  std::set<std::pair<uint64_t, uint32_t>> due_;  // ms, id
  std::unordered_map<uint32_t, uint64_t> due_of_;
  std::shared_ptr<const RuleTable> table_;
  uint32_t next_id_ = 1;
};

}  // namespace roost

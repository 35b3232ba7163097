// SPDX-License-Identifier: BSD-3-Clause
// The reference that RuleTable is measured and tested against: rules looked at one after the other.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/rules/rule_table.h"

namespace roost {

class RuleList {
 public:
  explicit RuleList(std::span<const RuleRow> rows) {
    for (const RuleRow& row : rows) rows_.push_back({*row.match, row.rank, row.slot});
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.rank > b.rank; });
  }
  uint32_t find(const PacketFields& fields) const noexcept {
    for (const Row& row : rows_)
      if (row.match.matches(fields)) return row.slot;
    return kNoRule;
  }

 private:
  struct Row {
    RuleMatch match;
    uint64_t rank;
    uint32_t slot;
  };
  std::vector<Row> rows_;
};

}  // namespace roost

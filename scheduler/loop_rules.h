// SPDX-License-Identifier: BSD-3-Clause
// The rules as the data loop has them; see classify_rules.cc.
#pragma once

#include <memory>

#include "core/rules/flow_classes.h"
#include "core/rules/rule_count.h"
#include "core/rules/rule_table.h"

namespace roost {

// Made by the control thread, handed over between two turns; what the loop had before is in it afterwards, for the
// control thread to free.
struct RuleHandover {
  std::shared_ptr<const RuleTable> table;
  bool new_classes = false;                // flows are told apart otherwise than before
  std::unique_ptr<FlowClasses> classes{};  // then; none: by their keys alone
  std::unique_ptr<FlowClasses> before{};
};

struct LoopRules {
  RuleCount* counts = nullptr;  // by slot; the control thread's, for the loop to write
  bool active = false;          // false: packets don't come here at all
  std::shared_ptr<const RuleTable> table;
  std::unique_ptr<FlowClasses> classes;
  uint32_t since = 0;  // the count of departures at the last change: what was decided later holds
  // While flows may still be there that were told apart otherwise: by the classes of before, or by their keys alone.
  bool adopts = false;
  uint32_t adopts_from_s = 0;
  std::unique_ptr<FlowClasses> before;
};

}  // namespace roost

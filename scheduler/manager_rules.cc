// SPDX-License-Identifier: BSD-3-Clause
// Rules that come and go while the loop runs. Tables are made here, and handed over between two of its turns.
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr size_t kProblemsTold = 10, kWarningsTold = 20, kEndsTold = 10;
constexpr uint32_t kRulesShown = 10'000;   // at once, whatever is asked for
constexpr uint64_t kBetweenEnds_ms = 100;  // each makes a table anew

}  // namespace

RuleNames Manager::rule_names() const {
  RuleNames::Numbers chains, ports(ports_.begin(), ports_.end());
  for (const auto& [name, chain] : chains_) chains.emplace(name, chain.number);
  return {std::move(chains), std::move(ports)};
}

void Manager::start_rules(const ManagerConfig& config) {
  rule_timer_ = FileDescriptor(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!rule_timer_) fail_errno("rules: timerfd_create");
  watched_.watch(rule_timer_.get(), mark(Source::rules));
  for (uint32_t loop = 0; loop < loops_->size(); ++loop) (*loops_)[loop].set_rule_counts(rules_.counts(loop));
  for (const auto& warning : config.warnings) event(warning);
  if (config.rules.empty()) return;
  hand_over(rules_.change({.add = config.rules}, now_ms()).table, false);  // the loops' threads aren't there yet
  set_rule_timer();
}

// What flows are told apart by grows with what rules look at, and shrinks only when no rule looks beyond the key any
// more: each such change costs every flow a second look.
void Manager::hand_over(const std::shared_ptr<const RuleTable>& table, bool running) {
  const uint32_t wanted = table->beyond() == 0 ? 0 : table->beyond() | rules_beyond_;
  std::vector<RuleHandover> handovers(loops_->size());  // what they had before is freed here, when they go on
  for (RuleHandover& handover : handovers) {
    handover.table = table;
    handover.new_classes = wanted != rules_beyond_;
    if (handover.new_classes && wanted != 0) handover.classes = std::make_unique<FlowClasses>(wanted);
  }
  rules_beyond_ = wanted;
  const auto swap = [&] {
    for (uint32_t loop = 0; loop < handovers.size(); ++loop) (*loops_)[loop].swap_rules(handovers[loop]);
  };
  running ? loops_->together(swap) : swap();
}

RuleBook::Changed Manager::change_rules(RuleBook::Change change) {
  RuleBook::Changed changed = rules_.change(std::move(change), now_ms());
  hand_over(changed.table, true);
  set_rule_timer();
  return changed;
}

Json Manager::add_rules(const std::vector<std::string>& texts, RuleBook::Change change) {
  const RuleNames names = rule_names();
  std::string problems;
  size_t wrong = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      change.add.push_back(parse_rule(texts[i], names));
    } catch (const Error& error) {
      if (++wrong <= kProblemsTold)
        problems += texts.size() == 1 ? error.what() : fmt::format("\nrule {}: {}", i + 1, error.what());
    }
  }
  if (wrong > kProblemsTold) problems += fmt::format("\nand {} more", wrong - kProblemsTold);
  if (wrong != 0)
    fail("{}", texts.size() == 1
                   ? problems
                   : fmt::format("{} of {} rules are wrong, none was added:{}", wrong, texts.size(), problems));
  const RuleBook::Changed changed = change_rules(std::move(change));
  Json warnings = Json::array();
  for (const auto& [rule, by] : changed.shadows) {
    if (warnings.size() == kWarningsTold) {
      warnings.push_back(fmt::format("and {} more such rules", changed.shadows.size() - kWarningsTold));
      break;
    }
    warnings.push_back(fmt::format("rule {} ({}, priority {}) is never reached: rule {} ({}, priority {}) comes first",
                                   rule, match_text(rules_.find(rule)->spec.match, names),
                                   rules_.find(rule)->spec.priority, by, match_text(rules_.find(by)->spec.match, names),
                                   rules_.find(by)->spec.priority));
  }
  return {{"first", changed.first},
          {"count", texts.size()},
          {"removed", changed.removed},
          {"warnings", warnings},
          {"total", rules_.rules().size()}};
}

Json Manager::delete_rules(std::vector<uint32_t> ids, bool all) {
  const auto changed = change_rules({.remove = std::move(ids), .remove_all = all});
  return {{"removed", changed.removed}, {"total", rules_.rules().size()}};
}

Json Manager::rule_report(const RuleBook::Rule& rule, const RuleNames& names) const {
  const RuleTotal count = rules_.count(rule.slot);
  Json report = {{"id", rule.id},
                 {"priority", rule.spec.priority},
                 {"match", match_text(rule.spec.match, names)},
                 {"action", action_text(rule.spec.action, names)},
                 {"hits", count.hits},
                 {"bytes", count.bytes},
                 {"age_s", static_cast<double>(now_ms() - rule.added_ms) / 1e3},
                 {"idle_s", rule.spec.idle_s},
                 {"hard_s", rule.spec.hard_s}};
  if (const auto by = rules_.shadowed_by(rule)) report["shadowed_by"] = *by;
  return report;
}

Json Manager::list_rules(std::optional<uint32_t> after, uint32_t limit) const {
  const RuleNames names = rule_names();
  Json rules = Json::array();
  limit = std::min(limit, kRulesShown);
  auto it = after ? rules_.after(*after) : rules_.rules().begin();
  for (; it != rules_.rules().end() && rules.size() < limit; ++it) rules.push_back(rule_report(it->second, names));
  const RuleTotal none = rules_.count(kNoRule);
  return {
      {"total", rules_.rules().size()}, {"rules", rules}, {"unmatched", {{"hits", none.hits}, {"bytes", none.bytes}}}};
}

Json Manager::show_rule(uint32_t id) const {
  const RuleBook::Rule* const rule = rules_.find(id);
  if (rule == nullptr) fail("rule {}: there is none; 'roost rule list' shows those that there are", id);
  return rule_report(*rule, rule_names());
}

void Manager::set_rule_timer() {
  itimerspec at{};  // nought: none
  if (const auto due = rules_.due_ms()) {
    const uint64_t when = std::max(*due, now_ms() + kBetweenEnds_ms);
    at.it_value.tv_sec = static_cast<time_t>(when / 1'000);
    at.it_value.tv_nsec = static_cast<long>(when % 1'000 * 1'000'000 + 1);
  }
  timerfd_settime(rule_timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void Manager::end_rules() {
  uint64_t expirations;
  if (read(rule_timer_.get(), &expirations, sizeof expirations) < 0) return;  // it was set again meanwhile
  const auto ended = rules_.ended(now_ms(), tsc_now(), tsc_hz_);
  if (ended.empty()) return set_rule_timer();
  const RuleNames names = rule_names();
  RuleBook::Change change;
  for (const auto& [id, why] : ended) {
    change.remove.push_back(id);
    if (change.remove.size() > kEndsTold) continue;
    const RuleBook::Rule& rule = *rules_.find(id);
    const RuleTotal count = rules_.count(rule.slot);
    event(fmt::format("rule {} (priority {}, {}, {}) has ended: {}; packets {}, bytes {}", id, rule.spec.priority,
                      match_text(rule.spec.match, names), action_text(rule.spec.action, names),
                      why == RuleBook::End::hard ? fmt::format("its {} s are over", rule.spec.hard_s)
                                                 : fmt::format("no packet for {} s", rule.spec.idle_s),
                      count.hits, count.bytes));
  }
  if (ended.size() > kEndsTold) event(fmt::format("and {} more rules have ended", ended.size() - kEndsTold));
  change_rules(std::move(change));
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "core/setting_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace roost {
namespace {

// As the data loop does it: dispatches are looked at a few times in overrun_us, and once a millisecond at most.
constexpr uint64_t kOverrunLeast_us = 1'000, kLooksInAnOverrun = 4;
constexpr uint64_t kWeightOfAQuantum = 100;

std::string_view name_of(Setting setting) { return setting_specs()[static_cast<size_t>(setting)].name; }

uint64_t overrun_kept_us(const SettingValues& v) { return std::max(v.get(Setting::overrun_us), kOverrunLeast_us); }

uint64_t look_us(const SettingValues& v) {
  return std::max(kOverrunLeast_us, v.get(Setting::overrun_us) / kLooksInAnOverrun);
}

uint64_t quantum_of_nf_us(const SettingValues& v) {
  return v.get(Setting::quantum_us) * v.get(Setting::weight) / kWeightOfAQuantum;
}

// Of the packet memory, by buffer_alpha_percent: alpha / (1 + alpha).
uint64_t packets_of_a_host(const SettingValues& v) {
  const uint64_t alpha = v.get(Setting::buffer_alpha_percent);
  return alpha == 0 ? v.packets : v.packets * alpha / (100 + alpha);
}

bool waits_for_more(const SettingValues& v) { return v.get(Setting::wake_packets) > 1; }

constexpr std::array kRules{
    SettingRule{
        Setting::resume_ms, Setting::resume_most_ms, Severity::refused,
        [](const SettingValues& v) { return v.get(Setting::resume_ms) > v.get(Setting::resume_most_ms); },
        [](const SettingValues& v) {
          return fmt::format(
              "the first wait is longer than the longest; raise resume_most_ms to {} or more, or lower resume_ms",
              v.get(Setting::resume_ms));
        }},
    SettingRule{
        Setting::restart_ms, Setting::restart_most_ms, Severity::refused,
        [](const SettingValues& v) { return v.get(Setting::restart_ms) > v.get(Setting::restart_most_ms); },
        [](const SettingValues& v) {
          return fmt::format(
              "the first wait is longer than the longest; raise restart_most_ms to {} or more, or lower restart_ms",
              v.get(Setting::restart_ms));
        }},
    SettingRule{Setting::idle_poll_us, Setting::overrun_us, Severity::refused,
                [](const SettingValues& v) {
                  return v.get(Setting::overrun_us) != 0 && v.get(Setting::idle_poll_us) > look_us(v);
                },
                [](const SettingValues& v) {
                  return fmt::format(
                      "an overrun is seen by looking four times in overrun_us, and the data loop, asleep, looks every "
                      "idle_poll_us: it would be seen late; lower idle_poll_us to {}, or raise overrun_us to {} (0: no "
                      "overruns)",
                      look_us(v), kLooksInAnOverrun * v.get(Setting::idle_poll_us));
                }},
    SettingRule{
        Setting::quantum_us, Setting::overrun_us, Severity::refused,
        [](const SettingValues& v) {
          return v.get(Setting::run_policy) == 1 && v.get(Setting::overrun_us) != 0 &&
                 quantum_of_nf_us(v) >= overrun_kept_us(v);
        },
        [](const SettingValues& v) {
          return fmt::format(
              "an NF of weight {} may spend {} us in one burst (run_policy 1), and would be quarantined for it; "
              "raise overrun_us above that, or lower quantum_us or weight",
              v.get(Setting::weight), quantum_of_nf_us(v));
        }},
    SettingRule{Setting::ecn_sojourn_us, Setting::wake_deadline_us, Severity::refused,
                [](const SettingValues& v) {
                  return waits_for_more(v) && v.get(Setting::ecn_sojourn_us) != 0 &&
                         v.get(Setting::ecn_sojourn_us) <= v.get(Setting::wake_deadline_us);
                },
                [](const SettingValues& v) {
                  return fmt::format(
                      "where fewer than wake_packets ({}) come they wait for the deadline, and all of them would be "
                      "marked as if there were congestion; raise ecn_sojourn_us above {} (0: no marks), or lower "
                      "wake_deadline_us",
                      v.get(Setting::wake_packets), v.get(Setting::wake_deadline_us));
                }},
    SettingRule{
        Setting::ecn_sojourn_us, Setting::sojourn_target_us, Severity::refused,
        [](const SettingValues& v) {
          return v.get(Setting::sojourn_target_us) != 0 && v.get(Setting::ecn_sojourn_us) != 0 &&
                 v.get(Setting::ecn_sojourn_us) <= v.get(Setting::sojourn_target_us);
        },
        [](const SettingValues& v) {
          return fmt::format(
              "packets are made to wait for as long as the target allows, and many of them would be marked as if "
              "there were congestion; raise ecn_sojourn_us above {} (0: no marks), or lower sojourn_target_us",
              v.get(Setting::sojourn_target_us));
        }},
    SettingRule{Setting::wake_packets, Setting::buffer_alpha_percent, Severity::refused,
                [](const SettingValues& v) {
                  return v.packets != 0 && waits_for_more(v) && v.get(Setting::wake_packets) > packets_of_a_host(v);
                },
                [](const SettingValues& v) {
                  return fmt::format(
                      "a host never has more than {} of the {} packets that there are (memory.packets), so only "
                      "wake_deadline_us would wake a worker; lower wake_packets to {}, or raise the others",
                      packets_of_a_host(v), v.packets, std::max<uint64_t>(packets_of_a_host(v), 1));
                }},
    SettingRule{Setting::wake_packets, Setting::inbox_slots, Severity::warned,
                [](const SettingValues& v) {
                  return v.get(Setting::inbox_slots) != 0 && v.get(Setting::wake_packets) > v.get(Setting::inbox_slots);
                },
                [](const SettingValues&) {
                  return std::string(
                      "a worker with one NF is woken by wake_deadline_us alone, and what its inbox does not hold until "
                      "then is dropped; with packets for few of many NFs it is the same");
                }},
    SettingRule{Setting::wake_packets, Setting::wake_deadline_us, Severity::warned,
                [](const SettingValues& v) { return waits_for_more(v) && v.get(Setting::wake_deadline_us) == 0; },
                [](const SettingValues&) {
                  return std::string(
                      "a deadline of 0 wakes for each packet, so wake_packets does nothing; raise wake_deadline_us");
                }},
    SettingRule{Setting::wake_packets, Setting::wake_ahead, Severity::warned,
                [](const SettingValues& v) { return waits_for_more(v) && v.get(Setting::wake_ahead) != 0; },
                [](const SettingValues&) {
                  return std::string(
                      "wake_ahead wakes the next worker of a chain for each burst, however few packets that is; "
                      "wake_packets counts for the first one only");
                }},
};

}  // namespace

SettingValues::SettingValues(const Settings& settings, uint64_t packets_in_memory) : packets(packets_in_memory) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = settings.get(static_cast<Setting>(i));
}

SettingValues SettingValues::with(const OwnSettings& own) const {
  SettingValues both = *this;
  for (const Setting setting : OwnSettings::kSettings)
    if (const auto value = own.get(setting)) both.set(setting, *value);
  return both;
}

std::span<const SettingRule> setting_rules() noexcept { return kRules; }

std::string conflict_text(const SettingRule& rule, const SettingValues& values, const std::string& where) {
  return fmt::format("settings '{}' ({}) and '{}' ({}){} {} each other: {}", name_of(rule.one), values.get(rule.one),
                     name_of(rule.other), values.get(rule.other), where,
                     rule.severity == Severity::refused ? "contradict" : "work against", rule.why(values));
}

std::vector<const SettingRule*> conflicts_in(const SettingValues& values) {
  std::vector<const SettingRule*> broken;
  for (const SettingRule& rule : kRules)
    if (rule.broken(values)) broken.push_back(&rule);
  return broken;
}

std::vector<const SettingRule*> new_conflicts(const SettingValues& before, const SettingValues& after) {
  auto broken = conflicts_in(after);
  std::erase_if(broken, [&](const SettingRule* rule) { return rule->broken(before); });
  return broken;
}

}  // namespace roost

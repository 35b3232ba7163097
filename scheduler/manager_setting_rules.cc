// SPDX-License-Identifier: BSD-3-Clause
// A setting is refused where it would contradict others that are in force with it, anywhere: nothing has changed then.
// core/setting_rules.h has the rules.
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "core/setting_rules.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

// Throws for what is refused; warns, once, of what is only unwise, when all is looked at.
class Comparison {
 public:
  void look(const SettingValues& before, const SettingValues& after, const std::string& where) {
    for (const SettingRule* rule : new_conflicts(before, after)) {
      if (rule->severity == Severity::refused) fail("{}", conflict_text(*rule, after, where));
      if (seen_.insert(rule).second) warnings_.push_back(conflict_text(*rule, after, where));
    }
  }
  void warn() const {
    for (const auto& text : warnings_) log_warn("{}", text);
  }

 private:
  std::set<const SettingRule*> seen_;
  std::vector<std::string> warnings_;
};

std::string of_nf(uint32_t nf) { return fmt::format(" of NF {}", nf); }

}  // namespace

std::string Manager::of_service(uint16_t service) const {
  return fmt::format(" of service '{}'", service_names_[service]);
}

void Manager::check_together(Setting setting, std::optional<uint64_t> value, const SettingScope& scope) const {
  const SettingValues managers(settings_, packets_);
  Comparison comparison;
  if (scope.is_manager()) {
    SettingValues changed = managers;
    changed.set(setting, value.value_or(setting_specs()[static_cast<size_t>(setting)].standard));
    comparison.look(managers, changed, "");
    for (uint16_t service = 0; service < service_settings_.size(); ++service)
      if (const OwnSettings& own = service_settings_[service]; !own.empty())
        comparison.look(managers.with(own), changed.with(own), of_service(service));
    for (const auto& [first, group] : registry_.groups())
      if (!group.own.empty())
        comparison.look(managers.with(group.settings), changed.with(group.settings), of_nf(first));
  } else if (!scope.service.empty()) {
    const uint16_t service = service_number(scope.service);
    OwnSettings changed = service_settings_[service];
    changed.set(setting, value);
    comparison.look(managers.with(service_settings_[service]), managers.with(changed), of_service(service));
    for (const uint32_t first : registry_.groups_of_service(service)) {
      const NfGroup& group = registry_.group(first);
      if (!group.own.empty())
        comparison.look(managers.with(group.settings), managers.with(group.own.over(changed)), of_nf(first));
    }
  } else {
    for (const uint32_t nf : scope.nfs) {
      const NfGroup& group = *registry_.group_of(nf);
      OwnSettings changed = group.own;
      changed.set(setting, value);
      comparison.look(managers.with(group.settings), managers.with(changed.over(service_settings_[group.service])),
                      of_nf(nf));
    }
  }
  comparison.warn();
}

// What NFs are to be started with.
void Manager::check_together(const OwnSettings& own, uint16_t service) const {
  const SettingValues managers(settings_, packets_);
  Comparison comparison;
  comparison.look(managers.with(service_settings_[service]), managers.with(own.over(service_settings_[service])), "");
  comparison.warn();
}

// What the configuration asks for, where it is only unwise; the rest has been refused when it was read.
void Manager::warn_of_settings() const {
  const SettingValues managers(settings_, packets_);
  for (const SettingRule* rule : conflicts_in(managers)) log_warn("{}", conflict_text(*rule, managers));
  for (uint16_t service = 0; service < service_settings_.size(); ++service) {
    const SettingValues values = managers.with(service_settings_[service]);
    for (const SettingRule* rule : new_conflicts(managers, values))
      log_warn("{}", conflict_text(*rule, values, of_service(service)));
  }
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/inheritance.h"

#include <sys/stat.h>

#include <tuple>

#include "core/error.h"
#include "scheduler/host_users.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

std::string key_of_host(uint32_t number) { return fmt::format("host {}", number); }
std::string key_of_group(uint32_t first) { return fmt::format("group {}", first); }

// A program that was replaced may lay memory out in another way.
Json version_of(const std::string& program) {
  struct stat status {};
  if (stat(program.c_str(), &status) != 0) return nullptr;
  const ModuleVersion version = ModuleVersion::of(status);
  return {version.device, version.inode, version.bytes, version.changed_ns};
}

// What NFs, hosts and their memory have been told or made by.
Json what_must_be_the_same(const ManagerConfig& config, const std::string& host_program) {
  Json services = Json::array(), ports = Json::array(), domains = Json::array(), users = Json::array();
  for (const auto& service : config.services) services.push_back({service.name, service.domain});
  for (const auto& port : config.ports) ports.push_back(port.name);
  for (const auto& domain : config.domains) domains.push_back({domain.name, domain.packets, domain.tenants});
  if (has_host_users(config)) {
    const auto uid_of = [](const std::optional<User>& user) { return user ? Json(user->uid) : Json(); };
    users.push_back(uid_of(config.hosts.user));
    for (const auto& tenant : config.tenants) users.push_back({tenant.name, uid_of(tenant.user)});
  }
  return {{"programs", {version_of("/proc/self/exe"), version_of(host_program)}},
          {"services", services},
          {"ports", ports},
          {"domains", domains},
          {"users", users},
          {"memory", {config.memory.packets, static_cast<int>(config.memory.hugepages)}},
          {"cores", {config.cores.shared, config.cores.dedicated, static_cast<int>(config.cores.wait_mode)}},
          {"hosts", {config.hosts.seccomp, config.hosts.seccomp_allow, config.hosts.descriptors_max}}};
}

Json settings_of(const OwnSettings& own) {
  Json settings = Json::object();
  for (const Setting setting : OwnSettings::kSettings)
    if (const auto value = own.get(setting)) settings[setting_specs()[static_cast<size_t>(setting)].name] = *value;
  return settings;
}

}  // namespace

Inheritance::Inheritance(Manager& manager, const ManagerConfig& config, const std::string& host_program)
    : manager_(manager), same_(what_must_be_the_same(config, host_program)) {
  if (config.hosts.outlive_manager_s == 0) return;
  roster_.emplace();
  std::ignore = roster_->put("configuration", same_);  // nobody has it yet
}

// `change` says whether the nursery is to be given the roster: it is in other memory now.
void Inheritance::write(const std::function<bool()>& change) {
  if (!roster_) return;
  try {
    if (change() && entrusted_ && manager_.nursery_) manager_.nursery_->keep(roster_->fd());
  } catch (const std::exception& error) {
    roster_.reset();
    manager_.event(
        fmt::format("what hosts run cannot be kept for another manager: {}; they end with this one", error.what()));
    try {
      if (entrusted_ && manager_.nursery_) manager_.nursery_->keep(-1);
    } catch (const std::exception&) {  // it has ended, and they with it
    }
  }
}

void Inheritance::keep_host(const HostLink& host) {
  write([&] {
    return roster_->put(key_of_host(host.id), {{"pid", host.pid},
                                               {"tier", tier_name(host.tier)},
                                               {"tenant", host.tenant},
                                               {"core", host.core},
                                               {"dedicated", host.on_dedicated},
                                               {"inbox_shift", host.layout.inbox_shift},
                                               {"restarts", host.history.restarts},
                                               {"managers", host.history.managers}});
  });
}

void Inheritance::keep_group(uint32_t first) {
  write([&] {
    const NfGroup& group = manager_.registry_.group(first);
    const NfOrigin& origin = *group.origin;
    const bool moved = entrust_module(*origin.copy);
    return roster_->put(key_of_group(first), {{"count", group.count},
                                              {"host", group.host},
                                              {"place", group.place},
                                              {"slot_shift", group.slot_shift},
                                              {"service", manager_.service_names_[group.service]},
                                              {"named", group.module},
                                              {"own", settings_of(group.own)},
                                              {"held", held_of(group)},
                                              {"origin",
                                               {{"module", origin.copy->id},
                                                {"dedicated", origin.dedicated},
                                                {"config", origin.config},
                                                {"weight", origin.weight ? Json(*origin.weight) : Json()}}}}) ||
           moved;
  });
}

std::set<uint32_t> Inheritance::held_of(const NfGroup& group) const {
  const auto& all = manager_.quarantine_.nfs();
  return {all.lower_bound(group.first), all.lower_bound(group.first + group.count)};
}

void Inheritance::keep_group_of(uint32_t nf) {
  if (const NfGroup* const group = roster_ ? manager_.registry_.group_of(nf) : nullptr) keep_group(group->first);
}

void Inheritance::keep_groups_around(uint32_t first, uint32_t count) {
  if (!roster_) return;
  if (first != 0) keep_group_of(first - 1);
  for (const uint32_t each : manager_.registry_.groups_within(first, count)) keep_group(each);
  keep_group_of(first + count);
}

void Inheritance::drop_host(const HostLink& host) {
  for (const uint32_t first : host.groups) drop_group(first);
  write([&] { return roster_->erase(key_of_host(host.id)); });
}

void Inheritance::drop_group(uint32_t first) {
  write([&] { return roster_->erase(key_of_group(first)); });
}

// Its content goes to the nursery, whatever becomes of the file.
bool Inheritance::entrust_module(const ModuleCopy& module) {
  if (!manager_.nursery_ || modules_.contains(module.id)) return false;
  manager_.nursery_->keep_module(module.id, module.memory.get());
  modules_.insert(module.id);
  const ModuleVersion& version = module.version;
  return roster_->put(
      fmt::format("module {}", module.id),
      {{"path", module.path}, {"version", {version.device, version.inode, version.bytes, version.changed_ns}}});
}

// Hosts of a nursery before it are gone, and with it what it kept.
void Inheritance::entrust() {
  write([&] {
    for (const uint32_t id : modules_) std::ignore = roster_->erase(fmt::format("module {}", id));
    modules_.clear();
    return entrusted_ = true;
  });
}

}  // namespace roost

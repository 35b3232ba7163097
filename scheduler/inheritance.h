// SPDX-License-Identifier: BSD-3-Clause
// What hosts that outlive their manager need: while it lives it writes down what each of them runs, for the nursery to
// keep; one that comes after it, with the same configuration, takes the hosts back by that. What a host says of itself
// is compared with it, and otherwise not believed. docs/decisions/0034 tells the story. Control thread only.
//
//   inheritance.cc       what is written down     inheritance_taken.cc   what is read of it
//   inheritance_hosts.cc hosts, taken back by it
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/comebacks.h"
#include "scheduler/config.h"
#include "scheduler/module_store.h"
#include "scheduler/nursery.h"
#include "scheduler/registry.h"
#include "scheduler/roster.h"

namespace roost {

class Manager;

class Inheritance {
 public:
  Inheritance(Manager& manager, const ManagerConfig& config, const std::string& host_program);

  // After each change; where hosts end with their manager, these do nothing. Where something cannot be written down,
  // that is an event, and hosts end with this manager.
  void keep_host(const HostLink& host);
  void keep_group(uint32_t first);
  void keep_groups_around(uint32_t first, uint32_t count);  // these NFs have become groups of their own
  void keep_group_of(uint32_t nf);
  void drop_host(const HostLink& host);  // with the groups that it still has
  void drop_group(uint32_t first);
  void entrust();  // to a nursery that has just been started

  // Looks for hosts that a manager before this one has left; true: there are some, and they wait.
  bool find();
  // Takes them back, those that can be, and has the others end. The loops turn. What goes wrong is told by events.
  void take_back();

 private:
  using Clock = std::chrono::steady_clock;
  // A host that is to be taken back.
  struct Heir {
    Comeback was{};  // with the manager before; its groups are here:
    std::vector<NfGroup> groups{};
    pid_t pid = -1;
    uint8_t inbox_shift = 0;           // as the manager before laid it out: by a setting that may be another now
    std::unique_ptr<HostLink> host{};  // null: not yet, or the registry has it
    uint64_t request = 0;
    std::string trouble{};  // why it cannot be taken back
    bool clean = false;     // it exited, with status 0, by itself
    uint32_t nfs() const noexcept;
  };

  void write(const std::function<bool()>& change);
  bool entrust_module(const ModuleCopy& module);  // as Roster::put()
  std::set<uint32_t> held_of(const NfGroup& group) const;

  // inheritance_taken.cc
  std::string difference(const Json& before) const;
  void adopt_modules(const Roster::Entries& entries);
  std::vector<Heir> read_heirs(const Roster::Entries& entries);
  NfGroup read_group(uint32_t first, const Json& entry, const Comeback& host) const;

  // inheritance_hosts.cc
  void take_all(std::vector<Heir>& heirs);
  void claim(Heir& heir);
  void offer(Heir& heir);
  Json list_of(const Heir& heir) const;
  void finish(Heir& heir);
  void give_up(Heir& heir);

  Manager& manager_;
  Json same_;                       // of the configuration: what must be the same
  std::optional<Roster> roster_{};  // none: hosts end with this manager
  bool entrusted_ = false;          // the nursery has it
  std::set<uint32_t> modules_{};    // that the nursery has
  std::set<uint32_t> held_{};       // NFs that were in quarantine
  std::map<uint32_t, const ModuleCopy*> copies_{};
  uint64_t lost_ = 0;  // packets, as hosts say
  std::unique_ptr<NurseryLink> found_{};
};

}  // namespace roost

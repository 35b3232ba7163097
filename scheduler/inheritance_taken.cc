// SPDX-License-Identifier: BSD-3-Clause
// Hosts that a manager before this one has left are taken back: by what that one wrote down, which the nursery kept.
#include "core/error.h"
#include "core/memory_text.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint32_t kTakenShiftLeast = 2, kTakenShiftMost = 20;

uint32_t number_behind(const std::string& key) { return static_cast<uint32_t>(std::stoul(key.substr(key.find(' ')))); }

// Entries of this kind: "host 7" is one of kind "host".
template <typename Use>
void each_of(const Roster::Entries& entries, const std::string& kind, Use&& use) {
  for (auto it = entries.lower_bound(kind + " "); it != entries.end() && it->first.starts_with(kind + " "); ++it)
    use(number_behind(it->first), it->second);
}

}  // namespace

uint32_t Inheritance::Heir::nfs() const noexcept {
  uint32_t count = 0;
  for (const NfGroup& group : groups) count += group.count;
  return count;
}

bool Inheritance::find() {
  try {
    found_ = NurseryLink::find_waiting(manager_.socket_path_);
  } catch (const std::exception& error) {
    manager_.event(error.what());
  }
  return found_ != nullptr;
}

// Empty: none that matters.
std::string Inheritance::difference(const Json& before) const {
  std::string names;
  for (const auto& [name, value] : same_.items())
    if (before.value(name, Json()) != value) names += (names.empty() ? "" : ", ") + name;
  return names;
}

void Inheritance::take_back() {
  if (!found_) return;
  const auto began = Clock::now();
  const pid_t nursery = found_->pid();
  std::vector<Heir> heirs;
  try {
    Roster::Entries entries = Roster::read(text_of(found_->take_back().get()));
    if (!roster_) fail("this configuration has no outlive_manager_s");
    const std::string names = difference(entries["configuration"]);
    if (!names.empty()) fail("the configuration, or Roost itself, is another one now ({})", names);
    adopt_modules(entries);
    heirs = read_heirs(entries);
  } catch (const std::exception& error) {
    found_.reset();  // it ends, and its hosts with it
    return manager_.event(
        fmt::format("hosts that a manager before this one has left (nursery {}) are not taken back, "
                    "and end: {}; 'roost spawn' starts others",
                    nursery, error.what()));
  }
  manager_.nursery_ = std::move(found_);
  manager_.watched_.watch(manager_.nursery_->fd(), Manager::mark(Manager::Source::nursery));
  take_all(heirs);
  write([this] { return entrusted_ = true; });  // with that it has done with the others
  uint32_t hosts = 0, nfs = 0;
  for (const Heir& heir : heirs) {
    if (!heir.trouble.empty()) continue;
    ++hosts;
    nfs += heir.nfs();
  }
  const auto took = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  manager_.event(
      fmt::format("{} hosts with {} NFs are taken back from a manager before this one, in {:.0f} ms; {} "
                  "packets that were with them are lost",
                  hosts, nfs, took, lost_));
}

void Inheritance::adopt_modules(const Roster::Entries& entries) {
  each_of(entries, "module", [&](uint32_t id, const Json& entry) {
    const Json& version = entry.at("version");
    copies_[id] = &manager_.modules_.adopt({id,
                                            entry.at("path").get<std::string>(),
                                            found_->module(id),
                                            {version.at(0).get<dev_t>(), version.at(1).get<ino_t>(),
                                             version.at(2).get<off_t>(), version.at(3).get<int64_t>()}});
  });
}

std::vector<Inheritance::Heir> Inheritance::read_heirs(const Roster::Entries& entries) {
  std::map<uint32_t, Heir> heirs;
  each_of(entries, "host", [&](uint32_t number, const Json& entry) {
    Heir& heir = heirs[number];
    heir.pid = entry.at("pid").get<pid_t>();
    heir.was.host = number;
    heir.was.tier = entry.at("tier") == tier_name(Tier::fiber) ? Tier::fiber : Tier::process;
    heir.was.tenant = entry.at("tenant").get<std::string>();
    heir.was.core = entry.at("core").get<uint32_t>();
    heir.was.on_dedicated = entry.at("dedicated").get<bool>();
    heir.inbox_shift = entry.at("inbox_shift").get<uint8_t>();
    if (heir.inbox_shift < kTakenShiftLeast || heir.inbox_shift > kTakenShiftMost)
      fail("host {}: there can be no such inbox", number);
    heir.was.history.restarts = entry.at("restarts").get<uint32_t>();
    heir.was.history.managers = entry.at("managers").get<uint32_t>() + 1;
  });
  each_of(entries, "group", [&](uint32_t first, const Json& entry) {
    const auto heir = heirs.find(entry.at("host").get<uint32_t>());
    if (heir == heirs.end()) return;
    heir->second.groups.push_back(read_group(first, entry, heir->second.was));
    for (const Json& nf : entry.at("held")) held_.insert(nf.get<uint32_t>());
  });
  std::vector<Heir> list;
  for (auto& [number, heir] : heirs)
    if (!heir.groups.empty()) list.push_back(std::move(heir));  // one without NFs is not asked for, and ends
  return list;
}

NfGroup Inheritance::read_group(uint32_t first, const Json& entry, const Comeback& host) const {
  NfGroup group;
  group.first = first;
  group.count = entry.at("count").get<uint32_t>();
  group.place = entry.at("place").get<uint32_t>();
  group.slot_shift = entry.at("slot_shift").get<uint8_t>();
  group.service = manager_.service_number(entry.at("service").get<std::string>());
  group.module = entry.at("named").get<std::string>();
  if (group.count == 0 || group.slot_shift > kTakenShiftMost) fail("NFs from {} on: there can be no such", first);
  for (const auto& [name, value] : entry.at("own").items()) group.own.set(Settings::find(name), value.get<uint64_t>());
  group.settings = group.own.over(manager_.service_settings(group.service));
  group.weight = static_cast<uint32_t>(manager_.value_for(Setting::weight, group.settings));
  const Json& from = entry.at("origin");
  NfOrigin origin{copies_.at(from.at("module").get<uint32_t>()), host.tier, from.at("dedicated").get<bool>(),
                  host.tenant, from.at("config")};
  if (!from.at("weight").is_null()) origin.weight = from.at("weight").get<uint64_t>();
  group.origin = std::make_shared<const NfOrigin>(std::move(origin));
  return group;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The manager's control side: it owns the data loops, hosts and NFs, and does what operators ask. One thread, the
// control thread, calls all of it.
//
//   manager.cc         set-up, settings, the end        manager_hosts.cc     hosts made and attached
//   manager_spawn.cc   NFs started                      manager_ends.cc      hosts that end, asked or not
//   manager_stop.cc    NFs stopped                      manager_report.cc    ps and stats
//   manager_settings.cc  of the manager, services, NFs  manager_setting_rules.cc  those that contradict each other
//   manager_overrun.cc NFs that don't return            manager_restart.cc   and come back by themselves
//   manager_tell.cc    messages to NFs                  manager_comeback.cc  hosts that died, and come back
//   manager_ports.cc   links that go and come back      manager_cores.cc     cores that do
//   manager_scale.cc   services get more NFs or fewer   manager_upgrade.cc   or another module
//   manager_chains.cc  chains and who uses them         manager_drain.cc     NFs that go give up their flows first
//   manager_rules.cc   rules that come, go and end      manager_totals.cc    NFs summed up by what they share
//
// Starting or ending one of many costs what it is, times O(log N): see registry.h. inheritance.h: hosts outlive it.
#pragma once

#include <sched.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/own_settings.h"
#include "core/ports/linux_interface.h"
#include "core/protocol.h"
#include "core/settings.h"
#include "scheduler/comebacks.h"
#include "scheduler/config.h"
#include "scheduler/crash_book.h"
#include "scheduler/domains.h"
#include "scheduler/event_log.h"
#include "scheduler/event_set.h"
#include "scheduler/host_groups.h"
#include "scheduler/loops.h"
#include "scheduler/mailbox.h"
#include "scheduler/module_store.h"
#include "scheduler/nf_origin.h"
#include "scheduler/nursery.h"
#include "scheduler/quarantine.h"
#include "scheduler/registry.h"
#include "scheduler/rule_book.h"
#include "scheduler/setting_scope.h"
#include "scheduler/socket_file.h"
#include "scheduler/spawn_request.h"

namespace roost {

class Inheritance;

class Manager {
 public:
  // As open_port(); experiments bring ports of their own.
  using PortOpener = std::function<std::unique_ptr<Port>(const PortConfig&, uint16_t, rte_mempool*, uint64_t)>;

  // Opens everything and starts the data loops. `host_program` is the path of roost-host. Throws Error.
  Manager(const ManagerConfig& config, const std::string& host_program, const PortOpener& opener = open_port);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  using SpawnRequest = roost::SpawnRequest;
  struct Spawned {
    std::vector<std::pair<uint32_t, uint32_t>> ranges;  // first, count
    double spawn_ms;
  };
  // All or none. Throws Error.
  Spawned spawn(const SpawnRequest& request);
  struct Stopped {
    uint32_t nfs = 0;
    std::vector<std::string> killed{};  // hosts that did not end when asked
  };
  // Once these return, the NFs are gone from ps and stats. Throw Error, for a number that is no NF's before anything is
  // stopped.
  Stopped stop_nfs(std::vector<uint32_t> nfs);
  Stopped stop_service(const std::string& service);
  Stopped stop_all();

  struct Scaled {
    uint32_t was = 0, started = 0, stopped = 0;
  };
  // So many NFs in the service: those that are missing are started like the ones that were started last, those that
  // are too many are stopped. Throws Error; for 0, which a stop is for.
  Scaled scale(const std::string& service, uint32_t nfs);
  // As many NFs of this module as the service has, in the same places; when all of them are there, the others go. No
  // configuration: each gets that of the one in whose place it comes. Throws Error, with the old ones in service.
  Scaled upgrade(const std::string& service, const std::string& module, const std::optional<Json>& config);

  // Chains. All or nothing: throw Error with nothing changed.
  Json chains();
  Json add_chain(const std::string& name, const std::vector<std::string>& services, const std::string& out);
  // What isn't given stays.
  Json change_chain(const std::string& name, const std::optional<std::vector<std::string>>& services,
                    const std::optional<std::string>& out);
  void remove_chain(const std::string& name);
  Json ports();
  void set_chain_of_port(const std::string& port, const std::string& chain);  // empty: none

  // Quarantined NFs get packets again. Returns how many; throws Error, for those that cannot with the others done.
  uint32_t resume_nfs(std::vector<uint32_t> nfs);

  struct Told {
    uint32_t nfs = 0, refused = 0;
  };
  // Throw Error where there is no such NF, and where one NF takes no more.
  Told tell_nf(uint32_t nf, const std::string& text);
  Told tell_service(const std::string& service, const std::string& text);

  // What happens: all or nothing. Throw Error. The change names what is taken out at the same time.
  Json add_rules(const std::vector<std::string>& texts, RuleBook::Change change);
  Json delete_rules(std::vector<uint32_t> ids, bool all);
  Json list_rules(std::optional<uint32_t> after, uint32_t limit) const;
  Json show_rule(uint32_t id) const;

  Json ps(int64_t after, uint32_t limit);
  Json stats(bool with_memory);
  Json totals(const std::string& by);  // service, tenant, domain, tier or core
  Json events(uint64_t after, uint32_t limit) const { return events_.since(after, limit); }
  struct SettingChange {
    uint64_t value = 0, was = 0;  // what counts there now, and before; of several NFs, of the first
  };
  // No value: it goes back to what the next wider scope says. Throws Error.
  SettingChange set(const std::string& name, std::optional<uint64_t> value, const SettingScope& scope = {});
  // What counts in this scope (of NFs: one), and where it comes from. `name` empty: all that there can be.
  Json settings_in(const SettingScope& scope, const std::string& name) const;
  void pause_receiving(bool paused);
  void clear_latency();
  // Lets what is on its way arrive, for at most this long.
  void drain(uint32_t patience_ms);

  Settings& settings() noexcept { return settings_; }
  Loops& loops() noexcept { return *loops_; }
  DataLoop& loop() noexcept { return (*loops_)[0]; }  // where there is but one
  PacketPool& pool() noexcept { return *pool_; }
  uint64_t tsc_hz() const noexcept { return tsc_hz_; }
  const std::string& socket_path() const noexcept { return socket_path_; }

  double uptime_s() const noexcept {
    return static_cast<double>(tsc_now() - started_tsc_) / static_cast<double>(tsc_hz_);
  }

  // A host, or a process that one has started; or one that has ended, and may have been one.
  bool is_host(pid_t pid) const {
    const pid_t group = getpgid(pid);
    return group < 0 || (nursery_ && group == nursery_->pid());
  }

  // Readable when on_events() has something to do: hosts that come, die or misbehave, sweeps that end.
  int event_descriptor() const noexcept { return watched_.fd(); }
  void on_events(bool with_returns = true);

 private:
  friend class Inheritance;  // what hosts that outlive a manager need of both managers
  // What an event is about; the mark of a watched descriptor is one of these and a host's number.
  enum class Source : uint32_t { newcomers, loop, links, nursery, cores, host_process, host_socket, restarts, rules };
  static constexpr uint64_t mark(Source source, uint32_t host = 0) noexcept {
    return static_cast<uint64_t>(source) << 32 | host;
  }
  // From the loop's thread.
  struct LoopNotice {
    // Its packets are all back; it did what no honest host does; a dispatch of it goes on for long; it has another
    // core.
    enum class Kind : uint8_t { swept, breach, overrun, moved } kind;
    uint32_t host;
    Overrun overrun{};
    uint32_t core = 0;  // moved: where to
    Breach what{};
  };

  void make_loops(const ManagerConfig& config, const PortOpener& opener);
  void listen_to_loops();
  uint16_t service_number(const std::string& name) const;
  uint8_t domain_of(const SpawnRequest& request) const { return domains_.of_service(service_number(request.service)); }
  using NfWork = std::function<void(DataLoop& loop, uint32_t first, uint32_t count)>;
  void in_loops(const std::vector<uint32_t>& firsts, const NfWork& work);
  DataLoop& home_of(const HostLink& host) const { return loops_->of_core(host.core); }
  void event(std::string text, EventKind kind = EventKind::host);  // trouble
  void note(std::string text, EventKind kind);                     // what is as it was asked for
  uint32_t cpu_of(uint32_t core) const {
    return core < shared_cores_.size() ? shared_cores_[core] : dedicated_cores_[core - shared_cores_.size()];
  }
  std::string core_name(uint32_t core) const;

  // manager_ports.cc
  void watch_links();
  void look_at_links();

  // manager_hosts.cc
  std::unique_ptr<HostLink> lay_out_host(const SpawnRequest& request, uint32_t core,
                                         std::optional<uint8_t> inbox_shift = std::nullopt);
  HostLink& make_host(const SpawnRequest& request, uint32_t core);
  Json terms_of(const HostLink& host) const;
  std::vector<int> memory_of(const HostLink& host) const;
  WaitMode wait_mode_of(const HostLink& host) const { return host.on_dedicated ? WaitMode::spin : wait_mode_; }
  HostLayout layout_for(Tier tier) const;
  FileDescriptor await_host(const std::string& token, const HostLink& host, Json& request_id);
  void check_user(const HostLink& host) const;
  void add_to_loop(HostLink& host);
  void turn_away_newcomers();
  static void turn_away(FileDescriptor connection, const std::string& why);
  NurseryLink& nursery();

  // manager_cores.cc
  void watch_cores(const ManagerConfig::Cores& cores);
  void set_core_timer();
  void check_cores();
  void tell_usable(uint32_t cpu, bool usable);
  void core_vanished(uint32_t cpu, const std::string& role);
  void core_returned(uint32_t cpu, const std::string& role);

  // manager_ends.cc
  void on_event(Source source, uint32_t host);
  void read_nursery_notices();
  void read_loop_notices();
  void host_spoke(HostLink& host);
  void host_died(HostLink& host);
  void kill_host(HostLink& host, std::string_view why);
  std::string out_of_memory(const HostLink& host) const;
  std::vector<std::string> end_hosts(const std::vector<HostLink*>& hosts);
  void bury(const std::vector<HostLink*>& hosts);
  void take_in_deaths();
  void wait_for_sweeps();

  // manager_comeback.cc
  bool returns(const HostLink& host, const NfGroup& group) const;
  RestartLimits wait_limits(const std::vector<const NfGroup*>& groups) const;
  std::string note_end(HostLink& host, const std::string& how, int status);
  std::string what_becomes_of(const HostLink& host) const;
  void keep_for_return(const HostLink& host);
  uint32_t core_for_return(const Comeback& comeback);
  void come_back(Comeback comeback);
  void come_back_later(Comeback comeback, std::string_view why);
  void start_again(HostLink& host, const NfGroup& group, std::vector<uint32_t>& held);
  uint32_t give_up_returns(const Comebacks::Ranges& ranges);

  // manager_spawn.cc
  void check_room(const SpawnRequest& request) const;
  std::vector<uint32_t> cores_for(const SpawnRequest& request);
  std::vector<uint32_t> shared_cores_for(const SpawnRequest& request);
  HostLink& host_for(const SpawnRequest& request, uint32_t core, uint32_t count);
  uint8_t slot_shift_for(const HostLink& host, uint32_t count) const;
  struct Returning {
    const NfGroup& was;
    std::vector<uint32_t> held;  // that are in quarantine from the start
  };
  const NfGroup& start_group(HostLink& host, const SpawnRequest& request, const std::shared_ptr<const NfOrigin>& origin,
                             uint32_t count, const Returning* back = nullptr);
  void announce(const NfGroup& group, const std::vector<uint32_t>& held);
  void load_module(HostLink& host, const ModuleCopy& module);
  void undo_spawn(const Spawned& spawned, const char* why);
  static SpawnRequest like(const NfOrigin& origin, const std::string& service, uint32_t count);

  // manager_tell.cc
  Told tell_groups(const std::vector<std::pair<uint32_t, uint32_t>>& ranges, const std::string& text);
  void wake_if_asked(const HostLink& host, const Json& answer);

  // manager_stop.cc
  Stopped stop_groups(const std::vector<uint32_t>& firsts);
  Stopped stop_drained(std::vector<uint32_t> firsts, std::string_view what, const Comebacks::Cancel& cancel);
  void stop_part_of_host(HostLink& host, const std::vector<uint32_t>& firsts, bool all_back);
  void retire(const std::vector<uint32_t>& firsts);
  void restore(const std::vector<uint32_t>& firsts);
  void forget(const std::vector<uint32_t>& firsts);
  bool wait_for_packets();

  // manager_drain.cc
  std::vector<uint32_t> drain(std::vector<uint32_t> firsts);
  std::vector<uint32_t> still_there(const std::vector<uint32_t>& firsts) const;

  // manager_scale.cc
  std::vector<uint32_t> to_stop(uint16_t service, uint32_t count) const;
  uint32_t nfs_of(uint16_t service) const;

  // manager_upgrade.cc
  void rehearse(const SpawnRequest& request);

  // manager_chains.cc
  struct Chain {
    uint16_t number;
    std::vector<std::string> services;
    std::string out;
  };
  Chain& chain_of(const std::string& name);
  uint16_t port_number(const std::string& name) const;
  ChainState chain_state(const std::string& name, const std::vector<std::string>& services,
                         const std::string& out) const;
  std::vector<std::string> ports_of(const std::string& chain) const;
  Json chain_report(const std::string& name) const;

  // manager_settings.cc
  const OwnSettings& service_settings(uint16_t service) const { return service_settings_[service]; }
  uint64_t value_for(Setting setting, const OwnSettings& own) const;
  void give_nf_orders(const NfGroup& group) const;
  void settle(const std::vector<uint32_t>& firsts);
  void tell_loop_of(const HostLink& host);
  std::vector<uint32_t> groups_of(std::vector<uint32_t> nfs);
  Json where_from(Setting setting, const SettingScope& scope) const;

  // manager_setting_rules.cc
  void check_together(Setting setting, std::optional<uint64_t> value, const SettingScope& scope) const;
  void check_together(const OwnSettings& own, uint16_t service) const;
  void warn_of_settings() const;
  std::string of_service(uint16_t service) const;

  // manager_overrun.cc
  void on_overrun(HostLink& host, const Overrun& overrun);
  void quarantine(HostLink& host, uint32_t nf, const Overrun& overrun);
  std::string nf_name(uint32_t nf) const;
  std::optional<uint32_t> nf_at(const HostLink& host, uint32_t place) const;
  uint32_t runaways_of(const HostLink& host) const;
  uint32_t state_of(uint32_t nf) const;  // as its host says
  void resume(uint32_t nf, bool by_operator);

  // manager_restart.cc
  static uint64_t now_ms();
  RestartLimits restart_limits(uint32_t nf) const;
  void confirm_quarantine(uint32_t nf);
  void settle_quarantined();
  void set_restart_timer();
  void on_restarts();
  Json quarantine_report(uint32_t nf) const;

  Json memory_stats() const;
  Json domain_stats() const;
  Json loop_reports() const;  // while they stand still
  Json waiting_report(const Comeback& comeback, const NfGroup& group, uint32_t nf) const;

  // manager_rules.cc
  RuleNames rule_names() const;
  void start_rules(const ManagerConfig& config);
  void hand_over(const std::shared_ptr<const RuleTable>& table, bool running);
  RuleBook::Changed change_rules(RuleBook::Change change);
  Json rule_report(const RuleBook::Rule& rule, const RuleNames& names) const;
  void set_rule_timer();
  void end_rules();

  std::string socket_path_;
  Settings settings_;
  uint32_t packets_;  // in the packet memory
  uint64_t tsc_hz_;
  Hugepages hugepages_;
  WaitMode wait_mode_;
  std::vector<uint32_t> shared_cores_, dedicated_cores_;  // their CPUs
  struct Tenant {
    uint32_t number;
    uint32_t weight = kStandardWeight;
    std::optional<User> user{};  // its hosts'; none: host_user_
  };
  Tenant& tenant_of(const std::string& name) {  // new ones are equal to the others
    return tenants_.try_emplace(name, Tenant{.number = static_cast<uint32_t>(tenants_.size())}).first->second;
  }
  std::map<std::string, Tenant> tenants_;
  Domains domains_;
  std::map<std::string, uint16_t> services_, ports_;
  std::vector<std::string> service_names_;
  std::vector<OwnSettings> service_settings_;                     // by number
  std::vector<std::shared_ptr<const NfOrigin>> service_origins_;  // of the NFs that were started last; null: none yet
  std::map<std::string, Chain> chains_;
  std::vector<std::string> port_names_, port_kinds_, port_chains_;  // by number
  RuleBook rules_;                                                  // outlives the loop, which counts in it
  std::unique_ptr<PacketPool> pool_;
  std::unique_ptr<Loops> loops_;
  std::vector<std::vector<Port*>> port_queues_;    // by number: one of each loop that has the port
  std::vector<std::vector<uint32_t>> port_loops_;  // which these are

  SocketFile host_socket_;
  FileDescriptor host_listener_;
  std::string host_program_;
  std::vector<std::string> host_options_;
  std::optional<User> host_user_;         // none: the manager's own
  std::unique_ptr<HostGroups> groups_;    // none: nothing is limited. Outlives the hosts' nursery
  std::unique_ptr<NurseryLink> nursery_;  // none: it died; the next host to be made brings another
  std::unique_ptr<Inheritance> inheritance_;
  ModuleStore modules_;
  Registry registry_;
  Quarantine quarantine_;
  Comebacks comebacks_;
  CrashBook crashes_;
  FileDescriptor restart_timer_;
  uint32_t hosts_leaving_ = 0;  // of the registry's, dead
  uint32_t generation_ = 0;
  uint64_t started_tsc_;
  EventLog events_;
  std::string trouble_;  // with the events that on_events() was at last; empty: none

  FileDescriptor rule_timer_;
  uint32_t rules_beyond_ = 0;              // what flows are told apart by, beyond their keys
  std::unique_ptr<LinkNews> link_news_;    // none: no port is an interface
  std::map<uint32_t, std::string> roles_;  // of CPUs
  cpu_set_t seen_cpus_{};                  // that could be used when it was looked last
  FileDescriptor core_timer_;
  EventSet watched_;
  Mailbox<LoopNotice> loop_notices_;
};

}  // namespace roost

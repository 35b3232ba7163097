// SPDX-License-Identifier: BSD-3-Clause
// The manager's control side: it owns the data loop, hosts and NFs, and does what operators ask. One thread, the
// control thread, calls all of it.
//
//   manager.cc          set-up, events, the end         manager_hosts.cc    hosts made, attached, dead
//   manager_spawn.cc    NFs started and stopped         manager_report.cc   ps and stats
#pragma once

#include <unistd.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/protocol.h"
#include "core/settings.h"
#include "scheduler/config.h"
#include "scheduler/data_loop.h"
#include "scheduler/host_link.h"
#include "scheduler/module_store.h"
#include "scheduler/nursery.h"

namespace roost {

class Manager {
 public:
  // As open_port(); experiments bring ports of their own.
  using PortOpener = std::function<std::unique_ptr<Port>(const PortConfig&, uint16_t, rte_mempool*, uint64_t)>;

  // Opens everything and starts the data loop. `host_program` is the path of roost-host. Throws Error.
  Manager(const ManagerConfig& config, const std::string& host_program, const PortOpener& opener = open_port);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  struct SpawnRequest {
    std::string module;
    std::string service;
    uint32_t count = 1;
    Tier tier = Tier::fiber;
    std::string tenant = "default";
    Json config = Json::object();
  };
  struct Spawned {
    std::vector<std::pair<uint32_t, uint32_t>> ranges;  // first, count
    double spawn_ms;
  };
  // All or none. Throws Error.
  Spawned spawn(const SpawnRequest& request);
  // Returns how many have gone. Throws Error for a number that is no NF's.
  uint32_t stop_nfs(const std::vector<uint32_t>& nfs);
  uint32_t stop_service(const std::string& service);
  uint32_t stop_all();

  Json ps(int64_t after, uint32_t limit);
  Json stats(bool with_memory);
  void set(const std::string& name, uint64_t value);
  void pause_receiving(bool paused);
  void clear_latency();
  // Lets what is on its way arrive, for at most this long.
  void drain(uint32_t patience_ms);

  Settings& settings() noexcept { return settings_; }
  DataLoop& loop() noexcept { return *loop_; }
  PacketPool& pool() noexcept { return *pool_; }
  uint64_t tsc_hz() const noexcept { return tsc_hz_; }
  const std::string& socket_path() const noexcept { return socket_path_; }

  // Descriptors that are readable when on_event() has something to do: hosts that die or come, sweeps that end.
  std::vector<int> event_descriptors() const;
  void on_events();

 private:
  struct Group {  // NFs started together in one host
    uint32_t first, count;
    uint16_t service;
    uint32_t host;
    uint32_t place;  // of the first, in the host
    uint32_t first_slot;
    uint8_t slot_shift;
    std::string module;
  };
  using Groups = std::map<uint32_t, Group>;  // by first NF
  struct SocketFile {
    std::string path{};
    ~SocketFile() {
      if (!path.empty()) unlink(path.c_str());
    }
  };

  void make_loop(const ManagerConfig& config, const PortOpener& opener);
  uint16_t service_number(const std::string& name) const;
  void event(std::string text);

  HostLink& host_for(const SpawnRequest& request, uint32_t core, uint32_t count);
  HostLink& make_host(Tier tier, const std::string& tenant, uint32_t core);
  HostLayout layout_for(Tier tier) const;
  FileDescriptor await_host(const std::string& token, const HostLink& host, Json& request_id);
  void welcome(HostLink& host, const Json& request_id);
  void add_to_loop(HostLink& host);
  void turn_away(int connection, const std::string& why);
  NurseryLink& nursery();
  void read_nursery_notices();
  void host_died(HostLink& host);
  std::string services_of(const HostLink& host) const;
  void finish_sweeps();
  void remove_from_loop(HostLink& host);
  void end_host(HostLink& host);

  void check_room(const SpawnRequest& request) const;
  void undo_spawn(const Spawned& spawned, const char* why);
  uint8_t slot_shift_for(const HostLink& host, uint32_t count) const;
  const Group& start_group(HostLink& host, const SpawnRequest& request, uint32_t count);
  void load_module(HostLink& host, const ModuleCopy& module);
  uint32_t stop_range(uint32_t first, uint32_t count);
  void split_group(uint32_t at);
  uint32_t stop_groups(const std::vector<uint32_t>& firsts);
  bool wait_for_packets();
  void retire(const Group& group);
  void forget(Groups::iterator group, bool give_place_back);
  Json memory_stats() const;

  std::string socket_path_;
  Settings settings_;
  uint64_t tsc_hz_;
  Hugepages hugepages_;
  WaitMode wait_mode_;
  std::vector<uint32_t> shared_cores_;
  std::map<std::string, uint16_t> services_, ports_;
  std::vector<std::string> service_names_;
  std::unique_ptr<PacketPool> pool_;
  std::unique_ptr<DataLoop> loop_;
  std::thread loop_thread_;

  SocketFile host_socket_;
  FileDescriptor host_listener_;
  std::string host_program_;
  std::unique_ptr<NurseryLink> nursery_;  // none: it died; the next host to be made brings another
  ModuleStore modules_;
  std::map<uint32_t, std::unique_ptr<HostLink>> hosts_;
  RangeAllocator host_numbers_, nf_numbers_;
  Groups groups_;
  uint32_t nfs_live_ = 0;
  uint32_t generation_ = 0;
  uint64_t started_tsc_;
  std::deque<std::string> events_;  // the last hundred

  std::mutex swept_mutex_;
  std::vector<uint32_t> swept_;  // hosts whose packets are all back; from the loop's thread
  FileDescriptor swept_event_;
};

}  // namespace roost

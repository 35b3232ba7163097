// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/manager.h"

#include <numa.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/socket.h"
#include "scheduler/host_users.h"
#include "scheduler/inheritance.h"

namespace roost {
namespace {

constexpr uint32_t kLoopPiece = 1'024;  // NFs that the loop is handed between two of its turns

// The control thread, and what it starts, stays off cores on which NFs run, where there are others.
void leave_cores(const std::vector<uint32_t>& cores) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return;
  for (const uint32_t core : cores) CPU_CLR(core, &set);
  if (CPU_COUNT(&set) > 0) sched_setaffinity(0, sizeof set, &set);
}

std::vector<std::string> host_options(const ManagerConfig& config) {
  const ManagerConfig::Hosts& hosts = config.hosts;
  std::vector<std::string> options{"--seccomp",         hosts.seccomp,
                                   "--seccomp-allow",   fmt::format("{}", fmt::join(hosts.seccomp_allow, ",")),
                                   "--descriptors-max", std::to_string(hosts.descriptors_max),
                                   "--outlive-s",       std::to_string(hosts.outlive_manager_s)};
  if (has_host_users(config)) options.emplace_back("--users");
  return options;
}

// Anybody may set a thread back. Who cannot bring it forward again sets none back.
OrderThread order_of_threads() {
  if (can_take_last_back())
    return [](pid_t process, pid_t thread, ThreadOrder order) {
      return syscall(SYS_tgkill, process, thread, 0) == 0 && order_thread(thread, order);
    };
  log_info("setting 'set_back': no worker is set back, which takes CAP_SYS_NICE");
  return {};
}

// A host costs a few descriptors; the soft limit is often 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Manager::Manager(const ManagerConfig& config, const std::string& host_program, const PortOpener& opener)
    : socket_path_(config.control_socket),
      packets_(config.memory.packets),
      tsc_hz_(measure_tsc_hz()),
      hugepages_(config.memory.hugepages),
      wait_mode_(config.cores.wait_mode),
      shared_cores_(config.cores.shared),
      dedicated_cores_(config.cores.dedicated),
      domains_(config),
      rules_(static_cast<uint32_t>(config.cores.io.size())),
      host_program_(host_program),
      host_options_(host_options(config)),
      host_user_(config.hosts.user),
      registry_(LoopOptions{}.hosts_max, LoopOptions{}.nfs_max, config.services.size()),
      restart_timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      started_tsc_(tsc_now()) {
  if (!restart_timer_) fail_errno("timerfd_create");
  check_host_users(config);
  for (const auto& tenant : config.tenants) {
    tenant_of(tenant.name).weight = tenant.weight;
    tenant_of(tenant.name).user = tenant.user;
  }
  if (config.hosts.limits.any()) groups_ = std::make_unique<HostGroups>(config.hosts.limits);
  settings_.set(Setting::flow_idle_s, config.flows.idle_s);
  for (const auto& [name, value] : config.settings) settings_.set(name, value);
  raise_descriptor_limit();
  host_listener_ = listen_unix(socket_path_ + kHostsSuffix, SOCK_SEQPACKET);
  host_socket_.path = socket_path_ + kHostsSuffix;
  make_loops(config, opener);
  start_rules(config);
  warn_of_settings();
  inheritance_ = std::make_unique<Inheritance>(*this, config, host_program);
  const bool inherits = inheritance_->find();
  // Their threads aren't there yet. Before NFs are, that there have been, packets would be lost for want of them.
  loops_->one_by_one([&](DataLoop& loop) { loop.pause_receiving(config.paused || inherits); });
  listen_to_loops();
  watched_.watch(host_listener_.get(), mark(Source::newcomers));
  watched_.watch(loop_notices_.fd(), mark(Source::loop));
  watch_links();
  watched_.watch(restart_timer_.get(), mark(Source::restarts));
  watch_cores(config.cores);
  leave_cores(dedicated_cores_);
  leave_cores(shared_cores_);
  if (!inherits) nursery();
  loops_->start();
  if (!inherits) return;
  inheritance_->take_back();
  nursery();
  pause_receiving(config.paused);
}

// Before they start.
void Manager::listen_to_loops() {
  loops_->one_by_one([this](DataLoop& loop) {
    loop.on_breach([this](uint32_t host, Breach what) {
      loop_notices_.put({.kind = LoopNotice::Kind::breach, .host = host, .what = what});
    });
    loop.on_overrun([this](const Overrun& overrun) {
      loop_notices_.put({LoopNotice::Kind::overrun, overrun.host, overrun});
    });
    loop.on_move([this](uint32_t host, uint32_t core) {
      loop_notices_.put({.kind = LoopNotice::Kind::moved, .host = host, .core = core});
    });
  });
}

void Manager::make_loops(const ManagerConfig& config, const PortOpener& opener) {
  PacketPoolOptions pool_options;
  pool_options.name = "packets";
  pool_options.packets = config.memory.packets;
  // All arenas near the first loop, which touches every packet. (A port or a loop on another node writes across.)
  if (numa_available() >= 0) pool_options.numa_node = numa_node_of_cpu(static_cast<int>(config.cores.io.front()));
  pool_options.several_loops = config.cores.io.size() > 1;
  pool_options.hugepages = config.memory.hugepages;
  for (const auto& domain : config.domains) pool_options.domains.push_back({domain.name, domain.packets});
  pool_ = std::make_unique<PacketPool>(pool_options);

  std::vector<Loops::Member> members;
  for (const uint32_t cpu : config.cores.io) members.push_back({.cpu = cpu});
  for (const auto& port : config.ports) {
    const auto index = static_cast<uint16_t>(port_names_.size());
    auto at = port.io.empty() ? std::vector<uint32_t>{index % static_cast<uint32_t>(members.size())} : port.io;
    auto& queues = port_queues_.emplace_back();
    PortConfig config_of_queue = port;
    config_of_queue.queue.count = static_cast<uint32_t>(at.size());
    if (at.size() > 1) config_of_queue.queue.group = std::make_shared<PortGroup>();
    for (const uint32_t loop : at) {
      auto queue = opener(config_of_queue, index, pool_->pool(port.domain), tsc_hz_);
      if (!queue) break;
      ++config_of_queue.queue.number;
      queues.push_back(queue.get());
      members[loop].ports.push_back(std::move(queue));
    }
    if (queues.size() < at.size())
      log_warn("port '{}': it has queues for {} of the {} io cores that it is to be at; the others hand over to these",
               port.name, queues.size(), at.size());
    at.resize(queues.size());
    port_loops_.push_back(at);
    ports_[port.name] = index;
    port_names_.push_back(port.name);
    port_kinds_.emplace_back(port_kind_name(port.kind));
    port_chains_.push_back(port.chain);
  }
  std::vector<ServiceState> services;
  for (const auto& service : config.services) {
    services_[service.name] = static_cast<uint16_t>(services.size());
    service_names_.push_back(service.name);
    OwnSettings& own = service_settings_.emplace_back();
    for (const auto& [name, value] : service.settings) own.set(Settings::find(name), value);
    services.push_back({service.name, ConsistentHash(), service.priority});
  }
  service_origins_.resize(services.size());
  std::vector<ChainState> chains;
  for (const auto& chain : config.chains) {
    chains_[chain.name] = {static_cast<uint16_t>(chains.size()), chain.services, chain.out};
    chains.push_back(chain_state(chain.name, chain.services, chain.out));
  }
  std::vector<int> chain_of_port;
  for (const auto& port : config.ports)
    chain_of_port.push_back(port.chain.empty() ? -1 : chains_.at(port.chain).number);

  LoopOptions options;
  options.tsc_hz = tsc_hz_;
  options.flows4_max = config.flows.max;
  options.flows_wide_max = config.flows.wide_max;
  if (config.cores.wake)
    options.wakes =
        std::make_shared<WakeThread>(static_cast<int>(*config.cores.wake), static_cast<uint32_t>(members.size()));
  for (const uint32_t cpu : shared_cores_) {
    const int node = numa_available() >= 0 ? numa_node_of_cpu(static_cast<int>(cpu)) : 0;
    options.shared.push_back({cpu, node < 0 ? 0 : static_cast<uint32_t>(node)});
  }
  options.order_thread = order_of_threads();
  loops_ = std::make_unique<Loops>(options, std::move(members), settings_, *pool_, services, chains, chain_of_port);
}

Manager::~Manager() {
  // Hosts first: as long as the loops turn, what they still give back is taken.
  std::vector<HostLink*> hosts;
  for (const auto& [id, host] : registry_.hosts())
    if (!host->dead) hosts.push_back(host.get());
  try {
    end_hosts(hosts);
  } catch (const std::exception& error) {  // they end with the nursery
    log_warn("{}", error.what());
  }
  loops_->stop();
  nursery_.reset();
  loops_.reset();  // before the memory that it shares with hosts
}

uint16_t Manager::service_number(const std::string& name) const {
  const auto found = services_.find(name);
  if (found != services_.end()) return found->second;
  fail("service '{}': there is none; services here: {}", name, fmt::join(service_names_, ", "));
}

void Manager::event(std::string text, EventKind kind) {
  log_warn("{}", text);
  events_.add(kind, true, std::move(text));
}

void Manager::note(std::string text, EventKind kind) {
  log_info("{}", text);
  events_.add(kind, false, std::move(text));
}

// Has every loop do something with all NFs of these groups, a piece between two turns.
void Manager::in_loops(const std::vector<uint32_t>& firsts, const NfWork& work) {
  std::vector<std::pair<uint32_t, uint32_t>> piece;
  uint32_t nfs = 0;
  const auto hand_over = [&] {
    if (nfs == 0) return;
    loops_->each([&](DataLoop& loop) {
      for (const auto& [first, count] : piece) work(loop, first, count);
    });
    piece.clear();
    nfs = 0;
  };
  for (const uint32_t group : firsts)
    for (uint32_t done = 0, count = registry_.group(group).count; done < count;) {
      const uint32_t more = std::min(kLoopPiece - nfs, count - done);
      piece.emplace_back(group + done, more);
      done += more;
      nfs += more;
      if (nfs == kLoopPiece) hand_over();
    }
  hand_over();
}

void Manager::pause_receiving(bool paused) {
  loops_->each([paused](DataLoop& loop) { loop.pause_receiving(paused); });
}

void Manager::clear_latency() {
  loops_->each([](DataLoop& loop) { loop.clear_latency(); });
}

void Manager::drain(uint32_t patience_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  uint64_t held = 1;
  while (held != 0 && std::chrono::steady_clock::now() < until) {
    loops_->together([this, &held] { held = loops_->books().held; });
    if (held != 0) usleep(2'000);
  }
}

}  // namespace roost

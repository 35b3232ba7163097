// SPDX-License-Identifier: BSD-3-Clause
// Hosts: made and attached.
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/socket.h"
#include "scheduler/control_access.h"
#include "scheduler/host_users.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr int kAttachPatience_ms = 10'000;
constexpr int kTurnedAwayAtOnce = 16;
constexpr uint32_t kFiberNfsMax = 1 << 17;  // in one host; then there is another
static_assert(kFiberNfsMax <= Descriptor::kNfsMost);

std::string new_token() {
  std::array<uint64_t, 2> random{};
  if (getrandom(random.data(), sizeof random, 0) != ssize_t{sizeof random}) fail_errno("host: no random numbers");
  return fmt::format("{:016x}{:016x}", random[0], random[1]);
}

}  // namespace

HostLayout Manager::layout_for(Tier tier) const {
  HostLayout layout;
  layout.nfs_max = tier == Tier::fiber ? kFiberNfsMax : 1;
  const uint64_t slots = settings_.get(Setting::inbox_slots);
  layout.inbox_shift = static_cast<uint8_t>(std::max<int>(tier == Tier::fiber ? 13 : 10, std::bit_width(slots) - 1));
  layout.outbox_shift = tier == Tier::fiber ? 13 : 12;
  layout.grant_shift = tier == Tier::fiber ? 12 : 6;
  return layout;
}

// A host that is to be, with its memory; its number is taken. `inbox_shift`: of one that has its inbox already.
std::unique_ptr<HostLink> Manager::lay_out_host(const SpawnRequest& request, uint32_t core,
                                                std::optional<uint8_t> inbox_shift) {
  HostLayout layout = layout_for(request.tier);
  layout.inbox_shift = inbox_shift.value_or(layout.inbox_shift);
  auto host = std::make_unique<HostLink>(registry_.take_host_number(), layout);
  try {
    host->generation = ++generation_;
    host->history.since_ms = now_ms();
    host->tier = request.tier;
    host->tenant = request.tenant;
    host->domain = domain_of(request);
    host->core = core;
    host->on_dedicated = request.dedicated;
    host->user = tenant_of(host->tenant).user ? tenant_of(host->tenant).user : host_user_;
    SharedMemoryOptions memory;
    memory.name = fmt::format("roost-host-{}", host->id);
    memory.bytes = host->layout.bytes();
    memory.hugepages = request.tier == Tier::fiber ? hugepages_ : Hugepages::never;
    host->region = SharedMemory::create(memory);
    HostRegion(host->region.data(), host->layout).worker().bell.init(wait_mode_of(*host));
    return host;
  } catch (...) {
    registry_.give_host_number_back(host->id);
    throw;
  }
}

HostLink& Manager::make_host(const SpawnRequest& request, uint32_t core) {
  std::unique_ptr<HostLink> host = lay_out_host(request, core);
  const uint32_t id = host->id;
  try {
    const std::string token = new_token();
    host->pid = nursery().fork_host(token, cpu_of(core), host->user);
    host->pidfd = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, host->pid, 0)));
    if (!host->pidfd && errno == ESRCH) fail("{}: ended before it attached; see its messages above", host->name());
    if (!host->pidfd) fail_errno("{}: pidfd_open", host->name());
    if (groups_) groups_->add(host->generation, host->pid);
    Json request_id;
    host->socket = await_host(token, *host, request_id);
    check_user(*host);
    send_message(host->socket.get(), json_text(rpc_result(request_id, terms_of(*host))), memory_of(*host));
    host->region.close_descriptor();
    watched_.watch(host->pidfd.get(), mark(Source::host_process, id));
    watched_.watch(host->socket.get(), mark(Source::host_socket, id));
    add_to_loop(*host);
    HostLink& added = registry_.add_host(std::move(host));
    inheritance_->keep_host(added);
    return added;
  } catch (...) {
    host->kill_now();
    if (groups_) groups_->remove(host->generation);
    if (nursery_ && host->pid > 0) nursery_->forget(host->pid);
    registry_.give_host_number_back(id);
    throw;
  }
}

// The connection of the host that was forked with this token; others that come meanwhile are turned away.
FileDescriptor Manager::await_host(const std::string& token, const HostLink& host, Json& request_id) {
  const pid_t pid = host.pid;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAttachPatience_ms);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    std::array<pollfd, 2> events{pollfd{host_listener_.get(), POLLIN, 0}, pollfd{host.pidfd.get(), POLLIN, 0}};
    if (left.count() <= 0 || poll_all(events, static_cast<int>(left.count())) == 0)
      fail("host (pid {}): has not attached in {} ms; see its messages above", pid, kAttachPatience_ms);
    if (events[1].revents != 0) fail("host (pid {}): ended before it attached; see its messages above", pid);
    FileDescriptor connection;
    try {
      connection = accept_unix(host_listener_.get());
    } catch (const Error& error) {
      fail("host (pid {}): {}", pid, error.what());
    }
    if (!connection) continue;
    const Peer peer = peer_of(connection.get());
    if (peer.pid != pid) {
      turn_away(std::move(connection), "no such host is expected; hosts are started by 'roost spawn'");
      continue;
    }
    if (!readable_within(connection.get(), kAttachPatience_ms)) fail("host (pid {}): connects and says nothing", pid);
    const auto message = receive_message(connection.get());
    const Json request = message ? rpc_parse(message->text) : Json();
    if (!request.is_object() || request.value("method", "") != "attach" || !request.contains("id") ||
        !request.value("params", Json()).is_object())
      fail("host (pid {}): its first message is no attach request", pid);
    const Json& parameters = request["params"];
    if (parameters.value("protocol", 0u) != kProtocolVersion)
      fail("host (pid {}): speaks protocol {} where the manager speaks {}; install roostd and roost-host together", pid,
           parameters.value("protocol", 0u), kProtocolVersion);
    if (parameters.value("token", "") != token) fail("host (pid {}): does not know its token", pid);
    request_id = request["id"];
    return connection;
  }
}

// Its connection is of before it became its user; what it is now, and cannot go back on, the kernel says.
void Manager::check_user(const HostLink& host) const {
  if (!host.user) return;
  if (const auto uid = user_of_process(host.pid); uid != host.user->uid)
    fail("{}: runs as user {} and not as '{}'; see its messages above", host.name(),
         uid ? std::to_string(*uid) : "nobody", host.user->name);
}

// What a host is told when it attaches, and the descriptors that come with it: its domain's arena, and no other's.
Json Manager::terms_of(const HostLink& host) const {
  const PacketPool::Domain& domain = pool_->domains()[host.domain];
  return {{"host", host.id},
          {"layout",
           {{"nfs_max", host.layout.nfs_max},
            {"inbox_shift", host.layout.inbox_shift},
            {"outbox_shift", host.layout.outbox_shift},
            {"grant_shift", host.layout.grant_shift}}},
          {"region_bytes", host.region.bytes()},
          {"paths_bytes", home_of(host).path_memory().bytes()},
          {"tsc_hz", tsc_hz_},
          {"core", cpu_of(host.core)},
          {"arenas", Json::array({{{"first", domain.first}, {"bytes", domain.memory.bytes()}}})},
          {"stack_bytes", 64 << 10}};
}

std::vector<int> Manager::memory_of(const HostLink& host) const {
  const DataLoop& home = home_of(host);
  return {host.region.fd(), home.path_memory().fd(), home.hosts_eventfd(), pool_->domains()[host.domain].memory.fd()};
}

void Manager::add_to_loop(HostLink& host) {
  auto state = std::make_unique<HostState>();
  state->id = host.id;
  state->generation = host.generation;
  state->core = host.core;
  state->domain = host.domain;
  state->wait_mode = wait_mode_of(host);
  const Tenant& tenant = tenant_of(host.tenant);
  state->waiter.tenant = tenant.number;
  state->waiter.tenant_weight = tenant.weight;
  state->process = host.pid;
  state->region = HostRegion(host.region.data(), host.layout);
  state->cpu_orders = state->region.worker().orders.cpu_orders.load(std::memory_order_relaxed);
  state->inbox = state->region.inbox<RingProducer>();
  state->outbox = state->region.outbox<RingConsumer>();
  state->grants = state->region.grants<RingProducer>();
  if (clockid_t ran{}; clock_getcpuclockid(host.pid, &ran) == 0)
    state->cpu.set_meter([ran, clock = TscClock(tsc_hz_)] { return clock.read(ran); });
  DataLoop& home = home_of(host);
  home.call([&] { home.add_host(std::move(state)); });
}

void Manager::turn_away_newcomers() {
  for (int i = 0; i < kTurnedAwayAtOnce; ++i) {  // one who comes as fast as he is turned away holds up nobody
    FileDescriptor connection = accept_unix(host_listener_.get());
    if (!connection) return;
    turn_away(std::move(connection), "no host is expected; hosts are started by 'roost spawn'");
  }
}

void Manager::turn_away(FileDescriptor connection, const std::string& why) {
  try {
    send_message(connection.get(), json_text(rpc_error(nullptr, RpcError::failed, why)));
  } catch (const Error&) {  // it has gone already
  }
  connection = FileDescriptor();
  usleep(kTurnedAwayPause_us);
}

NurseryLink& Manager::nursery() {
  if (!nursery_) {
    nursery_ = std::make_unique<NurseryLink>(host_program_, socket_path_, host_options_);
    watched_.watch(nursery_->fd(), mark(Source::nursery));
    inheritance_->entrust();
  }
  return *nursery_;
}

}  // namespace roost

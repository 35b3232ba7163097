// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/data_loop.h"

#include <rte_lcore.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>

#include "core/error.h"

namespace roost {
namespace {

constexpr uint64_t kHousekeepingUs = 1'000;
constexpr uint64_t kWheelTickUs = 4;
constexpr uint64_t kWorthSleepingUs = 60;  // what is due sooner is waited for awake

}  // namespace

DataLoop::DataLoop(const LoopOptions& options, Settings& settings, PacketPool& pool,
                   std::vector<std::unique_ptr<Port>> ports, std::vector<ServiceState> services,
                   std::vector<ChainState> chains, std::vector<int> chain_of_port)
    : clock_(options.tsc_hz),
      shares_core_(options.shares_core),
      number_(options.number),
      order_thread_(options.order_thread),
      settings_(settings),
      pool_(pool),
      ports_(std::move(ports)),
      port_at_(chain_of_port.size(), nullptr),
      services_(std::move(services)),
      chain_of_port_(std::move(chain_of_port)),
      ledger_(pool.handle_bound()),
      paths_(options.path_units),
      chain_table_(options.links != nullptr && options.links->chains ? options.links->chains
                                                                     : std::make_shared<ChainTable>(std::move(chains))),
      chains_(*chain_table_),
      flows_(options.flows4_max, options.flows_wide_max),
      nfs_(options.nfs_max),
      hosts_(options.hosts_max),
      batches_(port_at_.size()),
      out_(port_at_.size()),
      start_tsc_(tsc_now()),
      housekeeping_tsc_(start_tsc_),
      borders_(pool.domains().size() > 1),
      wheel_(clock_.from_us(kWheelTickUs), start_tsc_),
      wake_thread_(options.wakes),
      eventfd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      hosts_eventfd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!eventfd_ || !hosts_eventfd_) fail_errno("data loop: eventfd");
  chains_.use(paths_);
  for (const auto& port : ports_) port_at_[port->index()] = port.get();
  if (options.links != nullptr) link(*options.links);
  wheel_.reserve(static_cast<uint32_t>(hosts_.size()) + kCoresMax);  // workers, and behind them cores
  active_.reserve(options.hosts_max);
  touched_.reserve(options.hosts_max);
  awake_.reserve(options.hosts_max);
  backlogged_.reserve(std::min(options.nfs_max, pool.handle_bound()) + 1);  // each has a packet, but one just emptied
  breached_.reserve(options.hosts_max);
  bells_.reserve(2 + ports_.size());
  busy_tsc_ = start_tsc_;
  read_settings();
  renew_queues();
  cores_.resize(options.shared.size());
  for (size_t i = 0; i < cores_.size(); ++i) {
    prepare_core(cores_[i]);
    cores_[i].cpu = options.shared[i].cpu;
    placed_cores_.push_back(
        {.node = std::min(options.shared[i].node, kPlacementNodes - 1), .usable = options.shared[i].own});
  }
  if (placed_cores_.size() > 1) candidates_.reserve(options.hosts_max);
  read_placement();
}

DataLoop::~DataLoop() {
  for (auto& out : out_) rte_pktmbuf_free_bulk(out.packets, out.count);
}

// The way of a packet, top to bottom.
void DataLoop::turn() noexcept {
  now_ = tsc_now();
  busy_ = false;
  for (auto& port : ports_) {
    if (!receiving_ || port->next_receive_tsc() > now_) continue;
    Batch& batch = batches_[port->index()];
    receive(*port, batch);
    classify(batch);
    prepare(batch);
  }
  collect();  // meanwhile what delivery will write to comes in
  if (end_ != nullptr) take_over();
  for (Batch& batch : batches_) deliver(batch);
  wake();
  transmit();
  control();
  counters_.turns.add(1);
}

void DataLoop::run() {
  // The pool's caches are by lcore; a thread without one would go to the shared ring for every packet.
  const bool registered = rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    turn();
    if (shares_core_) sched_yield();
    if (busy_)
      busy_tsc_ = now_;
    else if (now_ - busy_tsc_ > clock_.from_us(settings_.get(Setting::idle_us)) &&
             now_ - rung_tsc_ > clock_.from_us(settings_.get(Setting::rewake_us)))
      sleep();
  }
  if (registered) rte_thread_unregister();
}

void DataLoop::stop() noexcept {
  stopping_ = true;
  const uint64_t one = 1;
  if (write(eventfd_.get(), &one, sizeof one) < 0) return;
}

void DataLoop::receive(Port& port, Batch& batch) noexcept {
  batch.port = port.index();
  batch.count = port.receive(batch.packets, batch.stamps, kBurst, now_);
  counters_.received.add(batch.count);
  busy_ |= batch.count != 0;
}

void DataLoop::drop(rte_mbuf* packet, DropCause cause) noexcept {
  counters_.dropped[static_cast<size_t>(cause)].add(1);
  rte_pktmbuf_free(packet);
}

void DataLoop::refuse(rte_mbuf* packet, DropCause cause) noexcept {
  counters_.dropped_at_entry[static_cast<size_t>(cause)].add(1);
  drop(packet, cause);
}

// What is not a packet's business: work from other threads, and what is done now and then.
void DataLoop::control() noexcept {
  if (!breached_.empty()) tell_breaches();
  if (sweeping()) sweep();
  if (now_ - housekeeping_tsc_ > clock_.from_us(kHousekeepingUs)) housekeeping();
  if (!has_posted_.load(std::memory_order_acquire)) return;
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (auto& item : work) item();
  busy_ = true;
}

// The first one ends the host; until that has happened its packets are still taken, each by what the ledger says.
void DataLoop::breach(HostState& host, Breach what) noexcept {
  if (what != Breach::handle) counters_.breaches.add(1);  // those are counted apart, as refused
  ++host.breaches;
  if (std::exchange(host.breached, true)) return;
  host.breach = what;
  breached_.push_back(host.id);
}

void DataLoop::tell_breaches() noexcept {
  for (const uint32_t host : breached_)
    if (tell_breach_ && hosts_[host]) tell_breach_(host, hosts_[host]->breach);
  breached_.clear();
}

void DataLoop::housekeeping() noexcept {
  housekeeping_tsc_ = now_;
  now_s_ = static_cast<uint32_t>((now_ - start_tsc_) / clock_.hz());
  paths_.advance_epoch(end_ == nullptr ? 0 : end_->links().arrived(number_, paths_.oldest_epoch()));
  epochs_seen_.store(paths_.epochs(), std::memory_order_release);
  forget_idle_flows();
  watch_dispatches();
  if (now_ - loads_tsc_ > clock_.from_us(1'000 * settings_.get(Setting::share_period_ms))) update_loads();
  if (rebalance_cycles_ != 0 && now_ - rebalance_tsc_ > rebalance_cycles_) rebalance();
}

void DataLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
    has_posted_.store(true, std::memory_order_seq_cst);
  }
  full_fence();
  rouse();
}

// After something was left for the loop, and a full fence.
void DataLoop::rouse() noexcept {
  if (!asleep_.load(std::memory_order_seq_cst)) return;
  const uint64_t one = 1;
  if (write(eventfd_.get(), &one, sizeof one) < 0) return;  // full: it is rung already
}

void DataLoop::call(const std::function<void()>& work) {
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
  post([&] {
    work();
    const std::lock_guard lock(mutex);
    done = true;
    finished.notify_one();
  });
  std::unique_lock lock(mutex);
  finished.wait(lock, [&] { return done; });
}

uint64_t DataLoop::sleep_until() const noexcept {
  uint64_t until = wheel_.next();
  const uint64_t poll = now_ + clock_.from_us(settings_.get(Setting::idle_poll_us));
  // Workers that are up ring when they give something back. Any host can empty the bell that they share, so the loop
  // looks by itself, too; and at packets that wait for room in the middle of their chains. Parked workers have nothing
  // to ring for: with all of them asleep, so is the loop.
  if (!awake_.empty() || !backlogged_.empty()) until = std::min(until, poll);
  if (receiving_)
    for (const auto& port : ports_)
      // A port that is due now and had nothing is one that cannot tell when it has, unless it wakes.
      if (port->wake_fd() < 0)
        until = std::min(until, port->next_receive_tsc() <= now_ ? poll : port->next_receive_tsc());
  return until;
}

bool DataLoop::has_reason_to_stay_up() noexcept {
  if (has_posted_.load(std::memory_order_seq_cst) || stopping_.load()) return true;
  if (end_ != nullptr && end_->anything_came()) return true;
  // Kept awake without end by a worker that polls: it rings when it has put something into its outbox.
  return std::any_of(awake_.begin(), awake_.end(), [](const HostState* host) {
    return !host->outbox.empty() || host->region.worker().bell.announced();
  });
}

void DataLoop::sleep() noexcept {
  if (sweeping()) return;
  const uint64_t until = sleep_until();
  if (until <= now_ + clock_.from_us(kWorthSleepingUs)) return;
  const auto set_asleep = [this](uint32_t asleep) {
    asleep_.store(asleep != 0, std::memory_order_seq_cst);
    for (HostState* host : awake_) host->region.worker().orders.manager_asleep.store(asleep, std::memory_order_seq_cst);
  };
  bells_.assign({pollfd{eventfd_.get(), POLLIN, 0}, pollfd{hosts_can_ring_ ? hosts_eventfd_.get() : -1, POLLIN, 0}});
  if (receiving_)
    for (const auto& port : ports_)
      if (const int fd = port->wake_fd(); fd >= 0) bells_.push_back({fd, POLLIN, 0});
  const auto arm_ports = [this] {
    return !receiving_ || std::all_of(ports_.begin(), ports_.end(),
                                      [](const auto& port) { return port->wake_fd() < 0 || port->arm(); });
  };
  const auto disarm_ports = [this] {
    for (const auto& port : ports_)
      if (port->wake_fd() >= 0) port->disarm();
  };
  sleep_unless([&] { set_asleep(1); }, [&] { return has_reason_to_stay_up() || !arm_ports(); },
               [&] {
                 const uint64_t left = until == TimerWheel::kNever ? 0 : until - std::min(until, tsc_now());
                 timespec timeout{static_cast<time_t>(left / clock_.hz()),
                                  static_cast<long>(left % clock_.hz() * 1'000'000'000 / clock_.hz())};
                 ppoll(bells_.data(), bells_.size(), until == TimerWheel::kNever ? nullptr : &timeout, nullptr);
                 counters_.sleeps.add(1);
               },
               [&] {
                 disarm_ports();
                 set_asleep(0);
               });
  now_s_ = static_cast<uint32_t>((tsc_now() - start_tsc_) / clock_.hz());  // what comes now was not seen long ago
  if ((bells_[0].revents | bells_[1].revents) != 0) take_ring();
}

void DataLoop::take_ring() noexcept {
  uint64_t count;
  if (read(eventfd_.get(), &count, sizeof count) > 0) rung_tsc_ = tsc_now();
  // A host may have made its descriptor a blocking one, which is this one too, and have emptied it since.
  iovec into{&count, sizeof count};
  if (preadv2(hosts_eventfd_.get(), &into, 1, -1, RWF_NOWAIT) > 0)
    rung_tsc_ = tsc_now();
  else if (errno != EAGAIN && errno != EINTR)
    hosts_can_ring_ = false;  // it would stay readable; the loop looks every idle_poll_us
}

DataLoop::Books DataLoop::books() const noexcept {
  uint64_t dropped = 0;
  for (const auto& count : counters_.dropped) dropped += count.get();
  uint64_t waiting = 0;  // in the loop itself: backlogs, and packets for ports
  for (const uint32_t nf : backlogged_) waiting += nfs_[nf].backlog_count;
  for (const auto& out : out_) waiting += out.count;
  if (end_ != nullptr) waiting += end_->waiting();
  return {counters_.received.get(), counters_.created.get(),    counters_.transmitted.get(), dropped,
          ledger_.held() + waiting, counters_.taken_over.get(), counters_.handed_over.get()};
}

uint64_t DataLoop::count_owned(uint32_t host) const noexcept {
  uint64_t count = 0;
  for (uint32_t handle = 0; handle < ledger_.size(); ++handle) count += ledger_.row(handle).owner.id() == host;
  return count;
}

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The data loop: the way of a packet through the manager, one thread, turn by turn.
//
//   receive → classify → collect → deliver → wake → transmit → control
//
//   data_loop.cc   the turn and the loop's own sleep       deliver.cc    packets into inboxes, and backlogs
//   classify.cc    flow, chain and NFs of each packet      wakeup.cc     who is woken, who is parked
//   classify_rules.cc  the same where there are rules        sojourn.cc    thresholds that follow the load
//   border.cc      copies, from one domain to another      hand_over.cc  packets from one loop to another
//   collect.cc     what comes back from hosts, checked     transmit.cc   out of ports
//   membership.cc  NFs and hosts that come and go            turns.cc      who is up on a shared core
//   core_members.cc  who lives on it, and their weights      contention.cc turns, where more want it than one
//   set_back.cc    who comes last on it for a while          rebalance.cc  workers that move to another core
//   overrun.cc     dispatches that don't end
//
// The loop's thread owns all of it; other threads hand it work with post() and read counters.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/flow_table.h"
#include "core/histogram.h"
#include "core/lazy_array.h"
#include "core/port.h"
#include "core/settings.h"
#include "core/timer_wheel.h"
#include "core/verdict.h"
#include "scheduler/batch.h"
#include "scheduler/chain_table.h"
#include "scheduler/counters.h"
#include "scheduler/ledger.h"
#include "scheduler/loop_links.h"
#include "scheduler/loop_options.h"
#include "scheduler/loop_rules.h"
#include "scheduler/overrun.h"
#include "scheduler/packet_pool.h"
#include "scheduler/path_table.h"
#include "scheduler/policy/buffer_share.h"
#include "scheduler/policy/wake.h"
#include "scheduler/records.h"
#include "scheduler/wake_thread.h"

namespace roost {

class DataLoop {
 public:
  DataLoop(const LoopOptions& options, Settings& settings, PacketPool& pool, std::vector<std::unique_ptr<Port>> ports,
           std::vector<ServiceState> services, std::vector<ChainState> chains, std::vector<int> chain_of_port);
  ~DataLoop();
  DataLoop(const DataLoop&) = delete;
  DataLoop& operator=(const DataLoop&) = delete;

  void run();            // until stop(); on the loop's thread
  void turn() noexcept;  // one; for tests and benchmarks that drive it themselves
  void stop() noexcept;  // any thread

  // Any thread: has the loop's thread do something between two turns. call() waits for it.
  void post(std::function<void()> work);
  void call(const std::function<void()>& work);

  // Before run(): what the loop's thread tells. Once, which host did what no honest one does; dispatches that don't
  // end; and, in the middle of a turn, which host's worker has another core now.
  void on_breach(std::function<void(uint32_t host, Breach what)> tell) { tell_breach_ = std::move(tell); }
  void on_overrun(std::function<void(const Overrun&)> tell) { tell_overrun_ = std::move(tell); }
  void on_move(std::function<void(uint32_t host, uint32_t core)> tell) { tell_move_ = std::move(tell); }

  // What others may read at any time.
  const LoopCounters& counters() const noexcept { return counters_; }
  const Histogram& latency() const noexcept { return latency_; }  // arrival to transmission, TSC cycles
  const std::vector<std::unique_ptr<Port>>& ports() const noexcept { return ports_; }  // its own
  const SharedMemory& path_memory() const noexcept { return paths_.memory(); }
  // For hosts: they ring it, and they may as well empty it or change its flags. Nothing but a worker's outbox depends
  // on it, and that for idle_poll_us at most.
  int hosts_eventfd() const noexcept { return hosts_eventfd_.get(); }
  uint64_t epochs() const noexcept { return epochs_seen_.load(std::memory_order_acquire); }
  uint32_t flows() const noexcept { return flows_.size4() + flows_.size_wide(); }  // the loop's thread only
  uint32_t paths() const noexcept { return paths_.paths(); }                       // likewise
  uint32_t nf_delivered(uint32_t nf) const noexcept { return nfs_[nf].delivered.load(std::memory_order_relaxed); }

  // The loop's thread only (through post or call), from here on.
  using Books = LoopBooks;
  Books books() const noexcept;
  uint64_t count_owned(uint32_t host) const noexcept;  // rows, by looking at every one
  uint32_t owned(uint32_t host) const noexcept { return hosts_[host] ? hosts_[host]->owned() : 0; }  // as it counts
  void clear_latency() noexcept { latency_.clear(); }
  void pause_receiving(bool paused) noexcept { receiving_ = !paused; }

  // membership.cc
  void add_host(std::unique_ptr<HostState> host);
  // Its packets come back a few rows a turn; then `done` is called.
  void remove_host(uint32_t host, std::function<void()> done);
  void add_nfs(uint32_t first, uint32_t count, uint16_t service, uint32_t host, uint32_t local, uint8_t slot_shift);
  void add_nfs_elsewhere(uint32_t first, uint32_t count, uint16_t service, uint32_t loop);  // hand_over.cc
  void drain_nfs(uint32_t first, uint32_t count);                                           // no new flows for them
  void retire_nfs(uint32_t first, uint32_t count);   // nothing new is delivered to them
  void restore_nfs(uint32_t first, uint32_t count);  // retired ones, as they were
  void forget_nfs(uint32_t first, uint32_t count);   // once all that was delivered is back: see epochs()
  void want_up(uint32_t host) noexcept;              // there is something for its worker, besides packets
  void refresh_orders() noexcept;                    // settings that workers read
  void set_host(uint32_t host, uint32_t weight, const HostSettings& settings) noexcept;
  const SojournControl* control_of(uint32_t host) const noexcept;  // null: its thresholds are as they are set

  ChainTable& chains() noexcept { return chains_; }
  void set_chain_of_port(uint16_t port, int chain) noexcept { chain_of_port_[port] = chain; }  // -1: none
  void look_at_flows_again() noexcept { ++departures_; }  // each at its next packet

  // rebalance.cc
  Placing placing() noexcept;
  // A core vanishes: its workers move to those that are left, if any; or it is there again.
  void set_usable(uint32_t core, bool usable) noexcept;

  // classify_rules.cc
  void set_rule_counts(RuleCount* counts) noexcept { rules_.counts = counts; }  // before run()
  void swap_rules(RuleHandover& rules) noexcept;

  // overrun.cc
  // Nothing new for this NF. Where its host has been asked to go on without that dispatch of it, what becomes of that
  // is told.
  void quarantine_nf(uint32_t nf, std::optional<uint64_t> dispatches);
  void release_nf(uint32_t nf);  // a quarantined one gets packets again

 private:
  static constexpr uint32_t kCoresMax = 4'096, kBurst = Batch::kPackets, kCollect = 128, kTakenOver = 128;

  // With a service's number: the chain of packets that an NF sent there, which is that service alone.
  static constexpr uint16_t kToService = 0x8000;

  // data_loop.cc
  void receive(Port& port, Batch& batch) noexcept;
  void control() noexcept;
  void housekeeping() noexcept;
  void sleep() noexcept;
  uint64_t sleep_until() const noexcept;
  bool has_reason_to_stay_up() noexcept;
  void take_ring() noexcept;
  void drop(rte_mbuf* packet, DropCause cause) noexcept;
  void refuse(rte_mbuf* packet, DropCause cause) noexcept;  // at the entry: no NF has seen it
  void breach(HostState& host, Breach what) noexcept;
  void tell_breaches() noexcept;

  // classify.cc
  void classify(Batch& batch) noexcept;
  FlowEntry* new_flow(const FlowKey& key, Batch& batch, uint32_t i) noexcept;
  bool route_flow(FlowEntry& flow, uint32_t hash, uint16_t chain, DropCause& cause) noexcept;
  bool intact(uint32_t path) noexcept;
  Way way_at(uint32_t path, uint8_t hop, uint16_t out_port) const noexcept;
  bool there(uint32_t nf, uint32_t born) const noexcept {
    return takes_packets(nfs_[nf].life) && nfs_[nf].born == born;
  }
  uint32_t find_path(uint16_t chain, uint32_t hash, uint32_t keep, DropCause& cause) noexcept;
  uint32_t nf_on_path(uint32_t path, uint32_t hop, uint16_t service) const noexcept;
  void forget_idle_flows() noexcept;
  FlowEntry* unpinned_flow(Batch& batch, uint32_t i) noexcept;

  // classify_rules.cc
  void classify_by_rules(Batch& batch) noexcept;
  bool decide(Batch& batch, uint32_t i, FlowKey& key, uint32_t pick, DropCause& cause) noexcept;
  void adopt(FlowEntry& flow, FlowKey key, const PacketFields& fields) noexcept;
  bool adopting() noexcept;

  // deliver.cc
  void prepare(Batch& batch) noexcept;
  void deliver(Batch& batch) noexcept;
  void enter(uint32_t handle, bool waits) noexcept;
  bool admits(uint32_t path) const noexcept;
  void look_at_pool() noexcept;
  void look_at_pool_of(uint8_t domain) noexcept {
    if (std::exchange(share_domain_, domain) != domain) look_at_pool();
  }
  bool within_share(HostState& host, NfState& nf) noexcept;
  bool may_go_on(HostState& host, NfState& nf) noexcept;
  bool has_room(HostState& host, NfState& nf, uint32_t segments) noexcept;
  bool refresh(HostState& host, RingRoom& room) noexcept;
  void place(HostState& host, NfState& nf, uint32_t handle) noexcept;
  Descriptor place_segments(NfState& nf, HostState& host, const rte_mbuf* packet, Descriptor d) noexcept;
  void advance(uint32_t handle) noexcept;
  void add_to_backlog(NfState& nf, uint32_t nf_id, uint32_t handle) noexcept;
  void deliver_backlogs() noexcept;
  void announce() noexcept;
  static uint32_t segments_of(const rte_mbuf* packet) noexcept { return packet->nb_segs; }

  // hand_over.cc
  void link(LoopLinks& links);
  void rouse() noexcept;
  void hand_over(Batch& batch, uint32_t i, uint32_t to) noexcept;
  void hand_over(const LedgerRow& row, uint32_t to, HandOver::Kind kind) noexcept;
  void hold_back(const HostState& host, NfState& nf, uint32_t handle) noexcept;
  void hand_out(uint16_t port) noexcept;
  void flush_links() noexcept;
  void take_over() noexcept;
  void take_over(uint32_t from, std::span<const HandOver> came) noexcept;
  uint32_t path_like(uint32_t from, uint32_t theirs) noexcept;
  bool admitted_by_all(uint32_t path) const noexcept;

  // border.cc
  bool is_abroad(uint32_t handle, const HostState& host) const noexcept;
  rte_mbuf* cross(rte_mbuf* packet, uint8_t domain) noexcept;
  uint32_t moved_abroad(uint32_t handle, uint8_t domain) noexcept;
  uint32_t cross_midway(uint32_t handle, uint8_t domain) noexcept;

  // wakeup.cc
  void wake() noexcept;
  void consider(HostState& host) noexcept;
  void consider_ahead(HostState& host) noexcept;
  void wake_host(HostState& host) noexcept;
  void enter_awake(HostState& host) noexcept;
  void leave_awake(HostState& host) noexcept;
  bool park(HostState& host) noexcept;
  WakeThreshold threshold_of(const HostState& host) const noexcept;

  // sojourn.cc
  void renew_control(HostState& host);
  void give_thresholds(HostState& host) noexcept;
  void note_sojourns(HostState& host, uint32_t count) noexcept;

  // turns.cc
  bool want_core(HostState& host) noexcept;
  static bool wants(const HostState& host) noexcept;
  bool make_room(SharedCore& core) noexcept;
  void enter_core(HostState& host) noexcept;
  void leave_core(HostState& host) noexcept;
  void pass_on(HostState& host) noexcept;
  bool has_room(const SharedCore& core) const noexcept;
  void fill(SharedCore& core) noexcept;
  void give_orders(SharedCore& core) noexcept;
  static void tell(HostState& host, bool peers, uint32_t rest) noexcept;
  void watch(uint32_t number) noexcept;

  // contention.cc
  void begin_contention(SharedCore& core) noexcept;
  void end_contention(SharedCore& core) noexcept;
  void look_at_turn(uint32_t number) noexcept;
  void end_turn(SharedCore& core) noexcept;
  uint64_t end_turns(SharedCore& core, uint64_t turn) noexcept;
  void leave_behind(SharedCore& core) noexcept;
  uint64_t believed_cycles() const noexcept;
  void charge_turn(SharedCore& core) noexcept;
  uint64_t charge(SharedCore& core, HostState& host) noexcept;
  void open_account(HostState& host) noexcept;

  // set_back.cc
  void look_who_holds(SharedCore& core) noexcept;
  void know_thread(HostState& host) noexcept;
  void set_back(SharedCore& core, HostState& host, bool back) noexcept;

  // core_members.cc
  void add_to_core(HostState& host);
  void remove_from_core(HostState& host) noexcept;
  void renew_queues();
  CoreQueueOptions queue_options() const noexcept;
  void prepare_core(SharedCore& core);
  void raise_priority(HostState& host, uint32_t priority);
  void weigh(HostState& host) noexcept;
  void update_loads() noexcept;

  // rebalance.cc
  void read_placement() noexcept;
  void rebalance() noexcept;
  void measure_cores() noexcept;
  bool movable(const HostState& host) const noexcept;
  void send(HostState& host, uint32_t to) noexcept;
  void move(HostState& host, uint32_t to) noexcept;
  void say_cpu(HostState& host) noexcept;

  // collect.cc
  void collect() noexcept;
  uint32_t collect_from(HostState& host) noexcept;
  uint32_t take_packet(HostState& host, const Descriptor* descriptors, uint32_t count) noexcept;
  uint32_t take_other_packet(HostState& host, const Descriptor* descriptors, uint32_t count) noexcept;
  void refuse_malformed(HostState& host, rte_mbuf* packet, Breach what) noexcept;
  bool accept_segment(HostState& host, const Descriptor& d, rte_mbuf* packet) noexcept;
  void route(HostState& host, uint32_t handle, Verdict verdict) noexcept;
  void top_up_grants(HostState& host) noexcept;

  // overrun.cc
  void watch_dispatches() noexcept;
  void watch_asked() noexcept;
  void see_dispatch(HostState& host) noexcept;

  // transmit.cc
  void transmit() noexcept;
  void send_out(uint32_t handle, uint16_t port) noexcept {
    const LedgerRow& row = ledger_.row(handle);
    if (port >= out_.size()) return drop(row.packet, port == UINT16_MAX ? DropCause::no_way : DropCause::bad_port);
    send_out(row.packet, row.stamp_tsc, port);
  }
  void send_out(rte_mbuf* packet, uint64_t stamp_tsc, uint16_t port) noexcept {
    const uint64_t sojourn = now_ > stamp_tsc ? now_ - stamp_tsc : 0;
    latency_.record(sojourn);
    if (sojourn > ecn_sojourn_cycles_) [[unlikely]]
      mark_late(packet);
    OutBatch& out = out_[port];
    out.packets[out.count++] = packet;
    if (out.count == OutBatch::kPackets) flush(port);
  }
  void flush(uint16_t port) noexcept;
  void mark_late(rte_mbuf* packet) noexcept;

  // membership.cc
  void give_orders(HostState& host) noexcept;
  void read_settings() noexcept;
  bool sweeping() const noexcept { return !departed_.empty() || !swept_for_.empty(); }
  void sweep() noexcept;
  void give_up_row(uint32_t handle, DropCause cause) noexcept;

  const TscClock clock_;
  const bool shares_core_;
  const uint32_t number_;  // among the loops
  const OrderThread order_thread_;
  Settings& settings_;
  PacketPool& pool_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Port*> port_at_;  // by number; null: it has no queue here
  std::vector<ServiceState> services_;
  std::vector<int> chain_of_port_;  // -1: none

  Ledger ledger_;
  PathTable paths_;
  std::shared_ptr<ChainTable> chain_table_;
  ChainTable& chains_;
  FlowTable flows_;
  LoopRules rules_;
  LazyArray<NfState> nfs_;
  std::vector<std::unique_ptr<HostState>> hosts_;  // by number; then, where there are several loops, stand-ins by loop
  std::unique_ptr<LoopEnd> end_;                   // null: this loop is alone
  uint32_t stand_ins_ = 0;
  uint32_t departures_ = 1, births_ = 0;  // count the times that NFs have gone, and come

  std::vector<Batch> batches_;                            // by port
  std::array<Descriptor, kCollect + kSegmentsMax> came_;  // from one host; here, so that nobody clears it each time
  std::vector<OutBatch> out_;
  uint64_t now_ = 0;    // TSC, at the start of the turn
  uint32_t now_s_ = 0;  // seconds since the loop was made
  uint64_t start_tsc_ = 0, housekeeping_tsc_ = 0, loads_tsc_ = 0, rebalance_tsc_ = 0;
  bool receiving_ = true;
  bool wakes_ahead_ = false, holds_back_ = true;
  DynamicThreshold share_;
  const bool borders_;                     // there are several domains
  uint8_t share_domain_ = 0;               // whose pool was looked at last
  uint32_t share_limit_ = kNoBufferLimit;  // what a host may have, as of the last look at the pool
  uint32_t share_easy_ = 0;                // with fewer than this, no inbox of it is limited by more than its slots
  uint32_t inbox_slots_most_ = 0;          // of any NF
  uint64_t ecn_sojourn_cycles_ = UINT64_MAX;
  SharePolicy share_policy_ = SharePolicy::weight;
  uint32_t floor_percent_ = 0;
  bool measures_ = false;                 // loads: for share_policy 2, or to level them out
  uint64_t rebalance_cycles_ = 0;         // 0: workers stay where they are
  uint64_t periods_ = 0;                  // of them, so far
  std::vector<PlacedCore> placed_cores_;  // the shared cores, by number
  std::vector<PlacedWorker> candidates_;

  uint32_t placed_ = 0;  // packets that have gone into inboxes since workers were last told
  // Packet code adds to these lists; they have room from the start for all that there can be, which is address space
  // until it is used.
  std::vector<HostState*> touched_;   // hosts that got packets in this turn
  std::vector<HostState*> awake_;     // workers that may have something in their outboxes
  std::vector<SharedCore> cores_;     // by number
  std::vector<HostState*> active_;    // hosts that were awake in this period, where loads are measured
  std::vector<uint32_t> backlogged_;  // NFs with a backlog
  std::vector<uint32_t> breached_;    // hosts to tell of
  TimerWheel wheel_;
  std::shared_ptr<WakeThread> wake_thread_;  // of all loops

  // A sweep over the ledger takes back what all of them held; who goes meanwhile waits for the next one.
  std::vector<DepartedHost> departed_, swept_for_;
  uint32_t sweep_row_ = 0;
  std::function<void(uint32_t, Breach)> tell_breach_;
  std::function<void(const Overrun&)> tell_overrun_;
  std::function<void(uint32_t, uint32_t)> tell_move_;
  std::vector<AskedHost> asked_;
  uint64_t watch_tsc_ = 0;
  uint32_t sightings_wanted_ = 0;
  uint64_t watch_ran_ = 0;  // in so many sightings a process that nobody keeps from the processor runs this long

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> has_posted_{false}, stopping_{false}, asleep_{false};
  std::atomic<uint64_t> epochs_seen_{0};
  FileDescriptor eventfd_;  // rung by post() and stop(); no host has it
  FileDescriptor hosts_eventfd_;
  std::vector<pollfd> bells_;   // what may end its sleep: these two, and ports that have a descriptor
  bool hosts_can_ring_ = true;  // false: the kernel cannot read theirs without the danger of blocking
  uint64_t busy_tsc_ = 0;       // when something last happened
  uint64_t rung_tsc_ = 0;       // when a host last woke the loop
  bool busy_ = false;

  LoopCounters counters_;
  Histogram latency_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Runs a model under policies, event by event, in one thread.
//
//   arrival → admit or refuse → inbox → wake or not → core's queue → turn → dispatch → next hop, or served
//
// That is the way through Roost itself, with the data loop taken as infinitely fast: what is examined are the
// decisions.
#pragma once

#include <deque>
#include <queue>
#include <string>
#include <utility>

#include "experiments/simulator/chance.h"
#include "experiments/simulator/checks.h"
#include "experiments/simulator/policies.h"
#include "scheduler/policy/share.h"

namespace roost::simulator {

struct SimNf {
  std::deque<uint32_t> inbox, backlog;  // packets
  uint64_t hungry_since = 0;            // when its inbox was last empty, or it was last served
  uint64_t served = 0, refused = 0, cycles = 0, hoarded = 0;
  bool queued = false;  // in its worker's schedule
};

struct SimWorker {
  enum class State : uint8_t { asleep, waking, queued, running };
  State state = State::asleep;
  std::unique_ptr<RunSchedule> order;
  uint64_t waiting = 0;  // packets in its inboxes
  uint64_t since = 0;    // asleep: when the first of them came
  uint32_t owned = 0;    // packets in its inboxes, in its NFs' hands and kept
  uint64_t turn_used = 0, cycles = 0;
  uint64_t wakes = 0, sleeps = 0;
  uint32_t core = 0;
  uint32_t moves_to = kNone;  // when its dispatch has ended
  WorkerLoad load;
  double demand = 0;   // of a core
  uint64_t moved = 0;  // the period of its last move
};

struct SimCore {
  std::unique_ptr<CoreSchedule> order;
  uint32_t running = kNone;
  uint32_t nf = kNone;            // being dispatched
  std::vector<uint32_t> in_hand;  // its packets
  uint64_t started = 0, busy = 0, switching = 0;
};

class Simulation {
 public:
  Simulation(const Model& model, const Policies& policies);
  const Totals& run();

  const Totals& totals() const { return totals_; }
  const Checks& checks() const { return checks_; }
  const std::vector<SimNf>& nfs() const { return nfs_; }
  const std::vector<SimWorker>& workers() const { return workers_; }
  const std::vector<SimCore>& cores() const { return cores_; }
  uint64_t now() const { return now_; }
  std::pair<double, double> load_ends() const;  // of the cores, least and most: their workers' demands as of now

 private:
  enum class Kind : uint8_t { arrival, deadline, awake, dispatched, inspect, rebalance };
  struct Event {
    uint64_t at, order;  // events of one moment, as they were made
    Kind kind;
    uint32_t id;
    bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Packet {
    uint64_t arrived, at_hop, bound;  // at_hop: when it came into this inbox; bound: how long it may wait there
    uint32_t source, hop;
  };

  void at(uint64_t when, Kind kind, uint32_t id) { events_.push({when, events_made_++, kind, id}); }
  void handle(const Event& event);
  void arrival(uint32_t source);
  bool admits(const SourceModel& source) const;
  void refuse(uint32_t source, uint64_t& cause);
  bool may_go_on(uint32_t nf) const;
  void deliver(uint32_t packet, uint32_t nf);
  void consider(uint32_t worker);
  void schedule(uint32_t core);
  void start_dispatch(uint32_t core, uint64_t delay_cycles);
  void dispatched(uint32_t core);
  void hop_on(uint32_t packet);
  void drain_backlogs();
  void inspect();
  void rebalance();  // rebalance.cc, as the next
  void move(uint32_t worker, uint32_t to);
  uint32_t free_packets() const { return model_.pool_packets - in_pool_use_; }

  const Model model_;
  const Policies policies_;
  Chance chance_;
  std::vector<SimNf> nfs_;
  std::vector<SimWorker> workers_;
  std::vector<SimCore> cores_;
  std::vector<Packet> packets_;
  std::vector<uint32_t> unused_packets_;
  std::vector<uint32_t> backlogged_;  // NFs
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  uint64_t events_made_ = 0, now_ = 0;
  uint32_t in_pool_use_ = 0;
  uint64_t lost_ = 0;
  uint64_t periods_ = 0;  // of rebalancing
  Totals totals_;
  Checks checks_;
};

}  // namespace roost::simulator

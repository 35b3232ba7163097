// SPDX-License-Identifier: BSD-3-Clause
// The manager's private records of NFs, hosts and services, as the data loop uses them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/doorbell.h"
#include "core/host_region.h"
#include "core/shared_memory.h"
#include "scheduler/cpu_account.h"
#include "scheduler/ledger.h"
#include "scheduler/policy/consistent_hash.h"
#include "scheduler/policy/core_queue.h"
#include "scheduler/policy/placement.h"
#include "scheduler/policy/set_back.h"
#include "scheduler/policy/share.h"
#include "scheduler/policy/sojourn.h"

namespace roost {

// What no honest host does; the first one ends the host.
enum class Breach : uint8_t { cursor, handle, frame, verdict, segments };

// draining: it keeps the flows that it has, and gets no new ones. held: quarantined, and leaving.
enum class NfLife : uint8_t { absent, live, draining, leaving, quarantined, held };
constexpr bool takes_packets(NfLife life) noexcept { return life == NfLife::live || life == NfLife::draining; }

struct alignas(64) NfState {
  RingRoom inbox;  // its part of its worker's
  uint32_t host;
  uint32_t local;          // its number in its host
  uint32_t backlog_first;  // handle + 1: packets of the middle of chains that wait for room in the inbox
  uint32_t backlog_last;
  uint32_t backlog_count;
  std::atomic<uint32_t> delivered;  // packets, ever, modulo 2^32; others may read it
  uint32_t born;                    // tells it from NFs that had its number before
  uint16_t service;
  NfLife life;
};
static_assert(sizeof(NfState) == 64);

// What a worker goes by, of its NFs' own settings the strictest. Nothing: the manager's setting.
struct HostSettings {
  std::optional<uint32_t> wake_packets{}, wake_deadline_us{}, spin_us{};
  bool own_bursts = false;  // some of its NFs have a burst_packets of their own
  std::optional<uint32_t> sojourn_target_us{};

  bool operator==(const HostSettings&) const noexcept = default;
};

struct HostState {
  // What each delivery looks at comes first, in one cache line.
  alignas(64) Owner owner;
  uint64_t delivered = 0;  // packets into its inbox, ever
  // Of them, back; less what it was given besides: further segments, and packets to fill. So delivery counts once.
  uint32_t settled = 0;
  uint32_t owned() const noexcept { return static_cast<uint32_t>(delivered) - settled; }  // handles
  RingProducer inbox;
  uint32_t ahead_host = UINT32_MAX;  // in this turn: whose worker the packets reach next
  bool touched = false;              // in this turn
  bool parked = false;
  bool queued = false;  // parked, and waits for its shared core
  bool live = false;
  bool swept_for = false;  // it is gone, and the sweep that is under way takes back its packets
  bool breached = false;   // it is not to be believed; the control side is told
  Breach breach{};         // why
  uint8_t domain = 0;      // whose packets it can see

  static constexpr uint32_t kHere = UINT32_MAX;
  uint32_t elsewhere = kHere;  // or it stands for all hosts of that loop, which deliver by themselves

  uint32_t id = 0;
  uint32_t generation = 0;
  uint32_t core = 0;
  WaitMode wait_mode = WaitMode::futex;  // what its bell was made for; the bell itself is in memory that it can write
  HostRegion region;
  RingConsumer outbox;
  RingProducer grants;
  std::unique_ptr<SojournControl> control;  // of its thresholds; null: they are as they are set
  uint64_t since_tsc = 0;                   // parked: when the first of the packets that wait was delivered
  uint32_t granted = 0;                     // packets that it may fill and has not yet
  uint32_t awake_place = 0;                 // in the loop's list of workers that are up
  bool wanted = false;                      // to be woken as soon as it is parked
  uint32_t inbox_slots_least = UINT32_MAX;  // of any NF that it has had
  uint64_t breaches = 0;
  HostSettings settings;
  // The dispatch that the worker was last seen at; see overrun.cc.
  uint32_t watched_nf = UINT32_MAX;
  uint32_t sightings = 0;
  uint64_t watched_dispatches = 0;
  uint64_t watched_ran = 0;  // what its process had run by then
  bool accused = false;      // nothing is to be added to what was told of that dispatch

  // Its shared core; not for workers that poll.
  uint32_t weight = 0;  // the sum of its NFs' weights; the loop's thread keeps it current
  CoreWaiter waiter;
  WorkerLoad load;
  bool told_peers = false;  // what its worker's orders say
  uint32_t told_rest = kStay;
  bool gives_way = false;   // its turn is over
  bool stands_by = false;   // it is awake, and the turn is another's once more
  bool squats = false;      // told to give way, it did not
  bool makes_room = false;  // others want its place, and it has nothing to do
  bool has_more = false;    // it gave way in the middle of its work
  bool counted = false;     // in the loop's list of those that are active
  uint64_t woken_tsc = 0;
  uint64_t busy_seen = 0;  // of the cycles that its worker reports, what is accounted for
  CpuAccount cpu;          // of the cycles that its process has run
  SetBack holds;           // the core, while others want it
  pid_t process = 0;
  pid_t thread = 0;         // that drives its worker; 0: not known yet
  pid_t thread_back = 0;    // that is set back; 0: none
  uint64_t contention = 0;  // for which they were opened
  uint64_t refused = 0;     // packets for it that its inbox, or its chain, had no room for
  uint64_t load_delivered = 0, load_refused = 0, load_taken = 0, load_busy = 0;  // what its load knows of
  double demand = 0;            // of a core: its load, smoothed over rebalance_ms
  uint32_t moves_to = kNoCore;  // it gives way, and when it is parked it moves to that core
  uint64_t moved = 0;           // the period of the last such decision
  uint32_t cpu_orders = 0;      // how often its worker was told where to run
};

// A core that many workers share.
struct SharedCore {
  std::vector<HostState*> awake;  // in the order in which they were woken: the first has the turn
  std::unique_ptr<CoreQueue> queue;
  uint64_t turn_tsc = 0;            // when the turn began, or was last charged
  uint64_t claimed = 0;             // since then: cycles that were charged to others
  std::vector<HostState*> polling;  // workers that never sleep
  bool told_peers = false;          // what their orders say
  uint32_t squatters = 0;           // of those awake
  uint32_t used_up = 0;             // grows with turns that are used up, shrinks with those that end before
  uint64_t charged = 0;             // cycles, to any worker, ever
  uint32_t set_back = 0;            // of those awake
  bool contended = false;           // more want it than one
  uint64_t contention = 0;          // the how manieth such time it is
  uint32_t workers = 0;             // that live there, polling ones left out
  uint32_t cpu = 0;

  static constexpr uint32_t kUsedUpAgain = 8, kFullTurnsFrom = 16, kUsedUpMost = 32;
  bool full_turns() const noexcept { return used_up >= kFullTurnsFrom; }  // mostly, of late
};

// A host that is gone.
struct DepartedHost {
  uint32_t host;
  uint64_t wakes;  // handed over before: the wake thread may still be at the host's bell
  std::function<void()> done;
};

// One that has been asked to go on without an NF. The NF's number may be another's by the time that it is looked at.
struct AskedHost {
  uint32_t host, generation, nf, born, local;
  uint64_t dispatches, tsc;
};

struct ServiceState {
  std::string name;
  ConsistentHash members;
  uint32_t priority = 0;  // below kPriorities; share policy 3
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// The manager's private records of NFs, hosts, services and chains, as the data loop uses them.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/doorbell.h"
#include "core/host_region.h"
#include "core/shared_memory.h"
#include "scheduler/ledger.h"
#include "scheduler/policy/consistent_hash.h"

namespace roost {

enum class NfLife : uint8_t { absent, live, leaving, quarantined };

struct alignas(64) NfState {
  RingProducer inbox;
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

  bool operator==(const HostSettings&) const noexcept = default;
};

struct HostState {
  // What each delivery looks at comes first, in one cache line.
  alignas(64) Owner owner;
  uint64_t delivered = 0;  // packets into its inboxes, ever
  // Of them, back; less what it was given besides: further segments, and packets to fill. So delivery counts once.
  uint32_t settled = 0;
  uint32_t owned() const noexcept { return static_cast<uint32_t>(delivered) - settled; }  // handles
  ReadyBitmap ready;
  uint32_t ahead_host = UINT32_MAX;  // in this turn: whose worker the packets reach next
  bool touched = false;              // in this turn
  bool parked = false;
  bool live = false;
  bool swept_for = false;  // it is gone, and the sweep that is under way takes back its packets
  bool breached = false;   // its cursors are not to be believed; the control side is told

  uint32_t id = 0;
  uint32_t generation = 0;
  uint32_t core = 0;
  WaitMode wait_mode = WaitMode::futex;  // what its bell was made for; the bell itself is in memory that it can write
  HostRegion region;
  RingConsumer outbox;
  RingProducer grants;
  uint64_t since_tsc = 0;                      // parked: when the first of the packets that wait was delivered
  uint32_t granted = 0;                        // packets that it may fill and has not yet
  uint32_t awake_place = 0;                    // in the loop's list of workers that are up
  bool wanted = false;                         // to be woken as soon as it is parked
  bool told_peers = false, told_rest = false;  // what its worker's orders say
  uint64_t breaches = 0;
  uint32_t weight = 0;  // the sum of its NFs' weights; the loop's thread keeps it current
  HostSettings settings;
  // The dispatch that the worker was last seen at; see overrun.cc.
  uint32_t watched_nf = UINT32_MAX;
  uint32_t sightings = 0;
  uint64_t watched_dispatches = 0;
};

struct ServiceState {
  std::string name;
  ConsistentHash members;
};

struct ChainState {
  std::string name;
  std::vector<uint16_t> services;
  uint16_t out_port = 0;
};

}  // namespace roost

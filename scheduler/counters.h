// SPDX-License-Identifier: BSD-3-Clause
// What the data loop counts. It alone writes; anybody reads.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/port.h"

namespace roost {

enum class DropCause : uint32_t {
  no_chain,       // its port has no chain
  no_nf,          // a service of its chain has no NF
  no_path,        // the table of paths is full
  inbox_full,     // refused at the chain's entry: the first NF's inbox is full
  backpressure,   // refused at the chain's entry: a later hop of the chain has more than it can take
  buffer_share,   // refused at the chain's entry: the first NF's host has its share of the free packets
  by_nf,          // an NF said so
  bad_port,       // an NF named a port that isn't there
  bad_service,    // an NF named a service that isn't there
  no_way,         // made by an NF without saying where to
  transmit_full,  // the port takes no more
  host_died,      // was with a host that died
  merged,         // an NF chained it to another packet
  malformed,      // came back with an impossible length or offset
  too_long,       // more segments than an inbox holds
  quarantined,    // waited for an NF that has overrun
  by_rule,        // a rule said so
  loop_full,      // refused at the chain's entry, or at a port: the ring to its loop is full
  domain_full,    // the domain that it goes to has no free packet to copy it into
  count
};
inline constexpr std::array<std::string_view, static_cast<size_t>(DropCause::count)> kDropCauseNames{
    "no_chain", "no_nf",       "no_path", "inbox_full",    "backpressure", "buffer_share", "by_nf",
    "bad_port", "bad_service", "no_way",  "transmit_full", "host_died",    "merged",       "malformed",
    "too_long", "quarantined", "by_rule", "loop_full",     "domain_full"};

// Whether the manager drops for this cause where it has no room or no way, so that the work of NFs that have seen the
// packet is wasted. The others are what NFs asked for or did.
constexpr bool wastes_work(DropCause cause) noexcept {
  switch (cause) {
    case DropCause::no_chain:
    case DropCause::no_nf:
    case DropCause::no_path:
    case DropCause::inbox_full:
    case DropCause::backpressure:
    case DropCause::buffer_share:
    case DropCause::too_long:
    case DropCause::loop_full:
    case DropCause::domain_full:
      return true;
    default:
      return false;
  }
}

// What became of the packets of a loop, or of several, at one moment.
struct LoopBooks {
  uint64_t received = 0, created = 0, transmitted = 0, dropped = 0, held = 0;
  uint64_t taken_over = 0, handed_over = 0;  // from and to other loops

  bool balanced() const noexcept {
    return received + created + taken_over == transmitted + dropped + held + handed_over;
  }
};

struct LoopCounters {
  using Count = PortCounters::Count;
  Count turns, received, created, transmitted;
  std::array<Count, static_cast<size_t>(DropCause::count)> dropped;
  std::array<Count, static_cast<size_t>(DropCause::count)> dropped_at_entry;  // of those, before any NF saw them
  Count delivered;                                                            // into inboxes
  Count collected;                                                            // out of outboxes
  Count kernel_wakes;                                                         // workers woken
  Count wakes_by_deadline;                                                    // of those
  Count wakes_ahead;                                                          // of those
  Count thresholds_changed;                                                   // by what packets waited for
  Count core_waits;     // times that a worker had to wait for its shared core
  Count turns_ended;    // workers told to give way
  Count turns_renewed;  // that went on, since nobody was entitled to more
  Count squats;         // workers that did not give way when told
  Count set_backs;      // of workers that held a core which others wanted
  Count moves;          // of workers, from one shared core to another
  Count ecn_marked;     // left with ECN's congestion mark
  Count refused;        // handles that came from a host that does not own them
  Count breaches;       // other things that no honest host does
  Count flows_new, flows_unpinned, flows_idle;
  Count handed_over, taken_over;  // packets, to and from other loops
  Count rule_lookups;             // of a flow's first packet, and of the next one after rules have changed
  Count sleeps;                   // of the loop itself
  Count crossed;                  // packets copied from one domain to another
};

}  // namespace roost

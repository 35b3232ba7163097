// SPDX-License-Identifier: BSD-3-Clause
// A host as the control side knows it: its process, its socket, its region, and the room in it.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "core/host_region.h"
#include "core/protocol.h"
#include "core/shared_memory.h"
#include "scheduler/accounts.h"
#include "scheduler/host_demands.h"
#include "scheduler/host_history.h"
#include "scheduler/range_allocator.h"

namespace roost {

enum class Tier : uint8_t { fiber, process };
constexpr std::string_view tier_name(Tier tier) noexcept { return tier == Tier::fiber ? "fiber" : "process"; }

struct HostLink {
  HostLink(uint32_t number, const HostLayout& layout_of_region)
      : id(number), layout(layout_of_region), places(layout.nfs_max) {}

  // Sends a request and waits for its answer; a host that does not answer in time has failed. Throws Error.
  Json ask(std::string_view method, Json parameters, const std::vector<int>& descriptors = {});
  // The two halves of it.
  uint64_t say(std::string_view method, Json parameters, const std::vector<int>& descriptors = {});
  Json hear(uint64_t request, std::string_view method, int patience_ms);
  void tell(std::string_view method, Json parameters);
  std::string name() const;
  bool wants_processor() const;  // one of its threads runs, or would if it could
  bool has_ended() const noexcept;
  void kill_now() const noexcept;  // by pidfd: never another process that has its number now

  const uint32_t id;
  const HostLayout layout;
  uint32_t generation = 0;
  Tier tier = Tier::fiber;
  std::string tenant;
  std::optional<User> user{};  // whom it runs as; none: the manager's
  uint8_t domain = 0;          // whose packets it can see
  uint32_t core = 0;           // the manager's number for it: shared ones first, as listed, then dedicated ones
  uint64_t moves = 0;          // from one shared core to another
  bool on_dedicated = false;   // the core is this host's alone
  pid_t pid = -1;
  FileDescriptor socket, pidfd;
  SharedMemory region;
  RangeAllocator places;  // NF numbers in this host
  uint32_t nfs = 0;
  uint32_t weight = 0;         // the sum of its NFs' weights
  HostDemands demands;         // of its NFs' settings
  std::set<uint32_t> groups;   // first NFs of its groups
  bool dead = false;           // it has ended; its packets are being taken back
  HostHistory history;         // of the hosts in whose place it is, too
  bool orphan = false;         // its nursery is gone: nobody will tell how it ended
  std::set<uint32_t> modules;  // loaded, by number

 private:
  uint64_t next_id_ = 1;
};

}  // namespace roost

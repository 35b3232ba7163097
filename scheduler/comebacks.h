// SPDX-License-Identifier: BSD-3-Clause
// Hosts that died and wait to be started again, with the NFs that they had. It has no clock: whoever calls says what
// time it is. Costs O(log N) for each NF group that it is asked about. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/host_history.h"
#include "scheduler/registry.h"

namespace roost {

struct Comeback {
  uint32_t host = 0;  // its number when it lived
  Tier tier = Tier::fiber;
  std::string tenant{};
  uint32_t core = 0;
  bool on_dedicated = false;
  HostHistory history{};
  std::map<uint32_t, NfGroup> groups{};  // by first NF; their numbers are kept for them
};

class Comebacks {
 public:
  using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;  // first NF, count
  using Cancel = std::function<Ranges()>;

  void add(Comeback comeback);  // due when its history says
  std::optional<uint64_t> next_ms() const;
  std::optional<Comeback> take_due(uint64_t now_ms);

  const Comeback* of_group(uint32_t first) const;
  const Comeback* of_nf(uint32_t nf) const;
  // First NF of the first group of which some NF is at or behind this number; none: there is no such group.
  std::optional<uint32_t> group_from(uint32_t nf) const;
  uint32_t nfs() const noexcept { return nfs_; }

  // These don't come back. Returns which of them would have: their numbers are the caller's to give back.
  Ranges cancel(uint32_t first, uint32_t count);
  Ranges cancel_service(uint16_t service);
  // What waits of this service comes back as something else. Returns how many NFs.
  template <typename Change>
  uint32_t change_service(uint16_t service, Change&& change) {
    uint32_t nfs = 0;
    for (auto& [number, comeback] : waiting_)
      for (auto& [first, group] : comeback.groups)
        if (group.service == service) {
          change(group);
          nfs += group.count;
        }
    return nfs;
  }

 private:
  void remove(uint64_t number);

  uint64_t last_ = 0;
  std::map<uint64_t, Comeback> waiting_;
  std::set<std::pair<uint64_t, uint64_t>> due_;  // when, number
  std::map<uint32_t, uint64_t> of_group_;        // by first NF
  uint32_t nfs_ = 0;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// NFs that are, or were, quarantined: since when, how often, and when each is to get packets again by itself. It has no
// clock: whoever calls says what time it is, in milliseconds of one that only goes forward. While nothing is
// quarantined nothing is looked at. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/policy/restart.h"

namespace roost {

class Quarantine {
 public:
  // In quarantine: seen() is the first suspicion, and confirmed() follows, or cleared() where it was none.
  void seen(uint32_t nf);
  void cleared(uint32_t nf);
  void confirmed(uint32_t nf, const RestartLimits& limits, uint64_t now_ms);
  // Out of it. By an operator: its waits begin anew.
  void released(uint32_t nf, bool by_operator, uint64_t now_ms);
  // The NFs that had these numbers are gone.
  void forget(uint32_t first, uint32_t count);
  // After its settings changed.
  void settle(uint32_t nf, const RestartLimits& limits);
  // It was due, and could not be brought back: again at that time.
  void put_off(uint32_t nf, uint64_t until_ms);

  bool has(uint32_t nf) const { return nfs_.contains(nf); }
  const std::set<uint32_t>& nfs() const noexcept { return nfs_; }
  uint32_t times(uint32_t nf) const;                  // that it was quarantined, ever
  std::optional<uint64_t> due_ms(uint32_t nf) const;  // when its wait is over; none: it isn't brought back by itself
  std::optional<uint64_t> next_ms() const;            // when the first of them is to be looked at
  std::vector<uint32_t> due(uint64_t now_ms, size_t most) const;

 private:
  struct History {
    uint32_t times = 0;
    bool waits = false;                 // confirmed, and not released since
    uint64_t since_ms = 0;              // quarantined, or at work again
    std::optional<uint64_t> due_ms{};   // its wait is over
    std::optional<uint64_t> look_ms{};  // it is in looks_ under that
    RestartBackoff backoff{};
  };
  void look_at(uint32_t nf, History& history, std::optional<uint64_t> at_ms);

  std::set<uint32_t> nfs_;                 // in quarantine, or under suspicion
  std::map<uint32_t, History> histories_;  // of those that were confirmed at least once
  std::set<std::pair<uint64_t, uint32_t>> looks_;
};

}  // namespace roost

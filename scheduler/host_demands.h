// SPDX-License-Identifier: BSD-3-Clause
// What a host's worker goes by where its NFs have settings of their own: the strictest of them. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/own_settings.h"
#include "scheduler/records.h"

namespace roost {

class HostDemands {
 public:
  // NFs with these settings come or go. O(log of how many values differ).
  void add(const OwnSettings& settings, uint32_t nfs);
  void remove(const OwnSettings& settings, uint32_t nfs);

  // Of a host with so many NFs. NFs without a value of their own want the manager's.
  HostSettings strictest(uint32_t nfs, const Settings& managers) const;

 private:
  struct Demand {
    std::map<uint32_t, uint32_t> nfs_by_value{};
    uint32_t nfs = 0;

    void change(std::optional<uint32_t> value, uint32_t nfs, bool come);
    std::optional<uint32_t> pick(bool least, uint32_t all_nfs, uint64_t managers) const;
  };
  void change(const OwnSettings& settings, uint32_t nfs, bool come);

  Demand wake_packets_, wake_deadline_us_, sojourn_target_us_, spin_us_;
  uint32_t own_bursts_ = 0;
};

}  // namespace roost

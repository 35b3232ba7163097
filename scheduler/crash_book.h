// SPDX-License-Identifier: BSD-3-Clause
// NFs that have crashed their hosts: how often, and which of them are kept in quarantine for it. Looks at no others.
// Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/policy/crash_window.h"

namespace roost {

class CrashBook {
 public:
  void crashed(uint32_t nf, uint64_t now_ms) {
    Entry& entry = entries_[nf];
    entry.window.crashed(now_ms);
    ++entry.times;
  }
  uint32_t times(uint32_t nf) const {
    const auto found = entries_.find(nf);
    return found == entries_.end() ? 0 : found->second.times;
  }
  // Of these NFs, which are to be in quarantine from here on: those that were, and have not been brought back, and
  // those that have crashed too often.
  std::vector<uint32_t> hold(uint32_t first, uint32_t count, const CrashLimits& limits, uint64_t now_ms) {
    std::vector<uint32_t> nfs;
    for (auto it = entries_.lower_bound(first); it != entries_.end() && it->first - first < count; ++it) {
      Entry& entry = it->second;
      entry.held = entry.held || entry.window.too_often(limits, now_ms);
      if (entry.held) nfs.push_back(it->first);
    }
    return nfs;
  }
  // An operator has brought it back.
  void released(uint32_t nf) {
    const auto found = entries_.find(nf);
    if (found == entries_.end()) return;
    found->second.held = false;
    found->second.window.start_over();
  }
  // The NFs that had these numbers are gone.
  void forget(uint32_t first, uint32_t count) {
    const auto from = entries_.lower_bound(first);
    auto to = from;
    while (to != entries_.end() && to->first - first < count) ++to;
    entries_.erase(from, to);
  }

 private:
  struct Entry {
    CrashWindow window{};
    uint32_t times = 0;  // ever
    bool held = false;
  };
  std::map<uint32_t, Entry> entries_;
};

}  // namespace roost

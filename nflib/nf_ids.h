// SPDX-License-Identifier: BSD-3-Clause
// Which place in its host an NF has, by the manager's number. The control thread changes it; NFs look others up on the
// worker.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>

namespace roost {

class NfIds {
 public:
  void add(uint32_t first_id, uint32_t count, uint32_t first_place) {
    const std::lock_guard lock(mutex_);
    ranges_[first_id] = {count, first_place};
  }

  void remove(uint32_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = around(id);
    if (found == ranges_.end()) return;
    const uint32_t before = id - found->first, behind = found->second.count - before - 1;
    const uint32_t place = found->second.place;
    if (behind != 0) ranges_[id + 1] = {behind, place + before + 1};
    if (before != 0)
      found->second.count = before;
    else
      ranges_.erase(found);
  }

  // Calls with_place(place) while the NF cannot be removed. False: there is none of this number, or that says so.
  template <typename WithPlace>
  bool find(uint32_t id, WithPlace&& with_place) {
    const std::lock_guard lock(mutex_);
    const auto found = around(id);
    return found != ranges_.end() && with_place(found->second.place + (id - found->first));
  }

 private:
  struct Range {
    uint32_t count, place;
  };
  using Ranges = std::map<uint32_t, Range>;  // by first number

  Ranges::iterator around(uint32_t id) {
    auto next = ranges_.upper_bound(id);
    if (next == ranges_.begin()) return ranges_.end();
    const auto found = std::prev(next);
    return id - found->first < found->second.count ? found : ranges_.end();
  }

  std::mutex mutex_;
  Ranges ranges_;
};

}  // namespace roost

// SPDX-License-Identifier: BSD-3-Clause
// Ranges of consecutive numbers: NF numbers, places in a host, inbox slots. First fit; freed neighbours join.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace roost {

class RangeAllocator {
 public:
  explicit RangeAllocator(uint32_t count) {
    if (count != 0) free_[0] = count;
  }

  std::optional<uint32_t> take(uint32_t count) {
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second < count) continue;
      const auto [first, length] = *it;
      free_.erase(it);
      if (length > count) free_[first + count] = length - count;
      return first;
    }
    return std::nullopt;
  }

  void give_back(uint32_t first, uint32_t count) {
    if (count == 0) return;
    auto after = free_.lower_bound(first);
    if (after != free_.end() && first + count == after->first) {
      count += after->second;
      after = free_.erase(after);
    }
    if (after != free_.begin()) {
      auto before = std::prev(after);
      if (before->first + before->second == first) {
        before->second += count;
        return;
      }
    }
    free_[first] = count;
  }

 private:
  std::map<uint32_t, uint32_t> free_;  // first -> length
};

}  // namespace roost

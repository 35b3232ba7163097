// SPDX-License-Identifier: BSD-3-Clause
// Ranges of consecutive numbers: NF numbers, places in a host. Best fit, the lowest of equals, so that
// holes are filled before fresh numbers are begun; freed neighbours join. O(log n) in the free ranges.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace roost {

class RangeAllocator {
 public:
  explicit RangeAllocator(uint32_t count) {
    if (count != 0) add(0, count);
  }

  std::optional<uint32_t> take(uint32_t count) {
    const auto fitting = by_length_.lower_bound({count, 0});
    if (fitting == by_length_.end()) return std::nullopt;
    const auto [length, first] = *fitting;
    remove(by_first_.find(first));
    if (length > count) add(first + count, length - count);
    return first;
  }

  // These very ones. False: there is one among them that is taken, or there is none of that number.
  bool take_at(uint32_t first, uint32_t count) {
    const auto behind = by_first_.upper_bound(first);
    if (count == 0 || behind == by_first_.begin()) return false;
    const auto range = std::prev(behind);
    const auto [begin, length] = *range;
    const uint32_t before = first - begin;
    if (before >= length || count > length - before) return false;
    remove(range);
    if (before != 0) add(begin, before);
    if (length - before != count) add(first + count, length - before - count);
    return true;
  }

  void give_back(uint32_t first, uint32_t count) {
    if (count == 0) return;
    const auto after = by_first_.upper_bound(first);
    if (after != by_first_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second == first) {
        first = before->first;
        count += before->second;
        remove(before);
      }
    }
    if (after != by_first_.end() && first + count == after->first) {
      count += after->second;
      remove(after);
    }
    add(first, count);
  }

 private:
  using ByFirst = std::map<uint32_t, uint32_t>;  // first -> length

  void add(uint32_t first, uint32_t length) {
    by_first_.emplace(first, length);
    by_length_.emplace(length, first);
  }
  void remove(ByFirst::iterator range) {
    by_length_.erase({range->second, range->first});
    by_first_.erase(range);
  }

  ByFirst by_first_;
  std::set<std::pair<uint32_t, uint32_t>> by_length_;  // length, first
};

}  // namespace roost
